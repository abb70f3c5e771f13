//! Two brokers on one PostgreSQL: what one decided holds at the other at the very next use.

use std::collections::BTreeMap;

use reqwest::Method;
use tokio::task::JoinSet;

use crate::harness::{Ask, Broker, Caller, Failure, Kind, Site, Way};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_revoked_at_one_is_refused_at_the_other_at_the_next_use() {
    let pair = Pair::start(&[]).await;
    for (here, there) in [(Way::Http, Way::Grpc), (Way::Grpc, Way::Http)] {
        let (a, b) = (pair.a(here).await, pair.b(there).await);
        for (use_, round) in USES.iter().zip(0..) {
            let (id, _) = a.create(ask("revoked", None)).await.expect("a lease");
            if round % 2 == 0 {
                // What the other one remembers of the lease must not help it.
                b.read(&id).await.expect("values");
                b.renew(&id).await.expect("a renewal");
                assert_eq!(b.show(&id).await.expect("a lease").status, "active");
            }
            a.revoke(&id).await.expect("a revocation");
            assert_eq!(use_.of(&b, &id).await, Err(refused("lease_revoked")), "{use_:?} over {there:?}");
        }
        let (id, _) = b.create(ask("shown", None)).await.expect("a lease");
        a.revoke(&id).await.expect("a revocation");
        assert_eq!(b.show(&id).await.expect("a lease").status, "revoked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_removed_at_one_loses_leases_at_the_other_at_the_next_use() {
    let pair = Pair::start(&[]).await;
    let member = &pair.env["MCP_TOKEN"];
    let admin = pair.a(Way::Http).await.with_token(&pair.env["ADMIN_TOKEN"]);
    let (a, b) = (pair.a(Way::Http).await.with_token(member), pair.b(Way::Grpc).await.with_token(member));
    let me = a.call(Method::GET, "/api/mcp/me", None, None).await.expect("me");
    let organizations = me["organizations"].as_array().expect("organizations");
    let organization = organizations.iter().find(|organization| organization["name"] == "Client Projects");
    let organization = organization.expect("Client Projects")["id"].as_str().expect("an id");
    let user = me["user_id"].as_str().expect("an id");

    let sentry = Ask { services: &["sentry"], server_id: "member", key: None };
    let mixed = Ask { services: &["sentry", "todoist"], server_id: "member", key: None };
    let mut leases = Vec::new();
    for ask in [sentry.clone(), mixed, sentry.clone()] {
        let (id, _) = a.create(ask).await.expect("a lease");
        b.read(&id).await.expect("values");
        b.renew(&id).await.expect("a renewal");
        leases.push(id);
    }
    let (other, _) = b.create(ask("not of that organization", None)).await.expect("a lease");

    let path = format!("/api/admin/organizations/{organization}/members/{user}");
    admin.call(Method::DELETE, &path, None, None).await.expect("the removal");

    let lost = Err(refused("entitlement_lost"));
    assert_eq!(b.renew(&leases[0]).await.map(drop), lost);
    assert_eq!(b.read(&leases[1]).await, lost);
    let shown = b.show(&leases[2]).await.expect("a lease");
    assert_eq!((shown.status.as_str(), shown.reason.as_str()), ("revoked", "entitlement_lost"));
    for id in &leases {
        assert_eq!(a.show(id).await.expect("a lease").status, "revoked");
        assert!(b.renew(id).await.is_err() && a.read(id).await.is_err(), "it stays lost");
    }
    assert_eq!(b.create(sentry).await, Err(refused("missing_credentials")));
    b.renew(&other).await.expect("a lease that rests on nothing lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_one_works_at_the_other_and_is_withdrawn_at_both() {
    let pair = Pair::start(&[]).await;
    let token = pair.first.access_token(&pair.env).await;
    for way in [Way::Http, Way::Grpc] {
        let b = pair.b(way).await.with_token(&token);
        b.create(ask("token", None)).await.expect("a lease");
    }
    let form = [("token", token.as_str())];
    let (id, secret) = (&pair.env["OAUTH_CLIENT_ID"], &pair.env["OAUTH_CLIENT_SECRET"]);
    let request = crate::harness::http_client().post(format!("{}/oauth/revoke", pair.first.url)).form(&form);
    let answer = request.basic_auth(id, Some(secret)).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    for way in [Way::Http, Way::Grpc] {
        let b = pair.b(way).await.with_token(&token);
        assert_eq!(b.create(ask("token", None)).await, Err(refused("unauthenticated")), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creates_at_both_never_pass_the_quota() {
    let pair = Pair::start(&[("LEASEHOLD_LIMITS_MAX_LEASES_PER_PRINCIPAL", "25")]).await;
    let callers =
        [pair.a(Way::Http).await, pair.b(Way::Http).await, pair.a(Way::Grpc).await, pair.b(Way::Grpc).await];
    let mut held = Vec::new();
    for round in 0..3 {
        let mut tasks = JoinSet::new();
        for number in 0..60 {
            let caller = callers[number % callers.len()].clone();
            tasks.spawn(async move { caller.create(ask("quota", None)).await });
        }
        let outcomes = tasks.join_all().await;
        for outcome in outcomes {
            match outcome {
                Ok((id, _)) => held.push(id),
                Err(failure) => assert_eq!(failure, refused("quota_exceeded")),
            }
        }
        assert_eq!(held.len(), 25, "round {round}: the quota is used up, and never passed");
        for id in held.drain(..10) {
            callers[round].revoke(&id).await.expect("a revocation");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_idempotency_key_at_both_makes_one_lease() {
    let pair = Pair::start(&[]).await;
    for (here, there) in [(Way::Http, Way::Http), (Way::Grpc, Way::Http), (Way::Grpc, Way::Grpc)] {
        let (a, b) = (pair.a(here).await, pair.b(there).await);
        for round in 0..8 {
            let key = format!("key-{here:?}-{there:?}-{round}");
            let ask = || ask("idempotent", Some(&key));
            let (one, two, three) = tokio::join!(a.create(ask()), b.create(ask()), a.create(ask()));
            let id = one.expect("a lease").0;
            assert_eq!([two.expect("a lease").0, three.expect("a lease").0], [id.clone(), id]);
        }
    }
    let leases = "SELECT id FROM leases WHERE server_id = 'idempotent'";
    assert_eq!(pair.site.texts(leases).await.len(), 24);
}

/// Two processes that share a database, root keys and an address, as behind a balancer.
struct Pair {
    first: Broker,
    second: Broker,
    env: BTreeMap<String, String>,
    /// Of the development client.
    token: String,
    site: Site,
}

impl Pair {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let site = Site::production(Kind::Postgres).await;
        let (first, second) = tokio::join!(site.serve(variables), site.serve(variables));
        let env = site.env();
        let token = first.access_token(&env).await;
        Self { first, second, env, token, site }
    }

    async fn a(&self, way: Way) -> Caller {
        self.first.caller(way, &self.token).await
    }

    async fn b(&self, way: Way) -> Caller {
        self.second.caller(way, &self.token).await
    }
}

#[derive(Debug, Clone, Copy)]
enum Use {
    Read,
    Renew,
}

impl Use {
    async fn of(self, caller: &Caller, id: &str) -> Result<(), Failure> {
        match self {
            Self::Read => caller.read(id).await,
            Self::Renew => caller.renew(id).await.map(drop),
        }
    }
}

fn ask<'a>(server_id: &'a str, key: Option<&'a str>) -> Ask<'a> {
    Ask { services: &["todoist", "jira"], server_id, key }
}

fn refused(code: &str) -> Failure {
    Failure::Refused(code.to_owned())
}

const USES: [Use; 4] = [Use::Read, Use::Renew, Use::Renew, Use::Read];
