//! PostgreSQL goes away, in the midst of requests and altogether: nothing is answered but successes and 503, everything
//! acknowledged holds, and the broker recovers by itself.

mod callers;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use leasehold_proto::v1::{GetLeaseRequest, lease_service_client::LeaseServiceClient};
use tokio::task::JoinSet;
use tonic::{Code, Request, transport::Endpoint};
use tonic_types::StatusExt as _;

use callers::{Seen, create_for_certain, uses};

use crate::harness::{Ask, Broker, Caller, Failure, Kind, PATIENCE, Postgres, Site, Way, http_client, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_connections_lose_nothing_acknowledged() {
    let site = Site::production(Kind::Postgres).await;
    let broker = site.serve(&[]).await;
    let token = broker.access_token(&site.env()).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for number in 0..16 {
        let way = if number % 2 == 0 { Way::Http } else { Way::Grpc };
        let (caller, over) = (broker.caller(way, &token).await, Arc::clone(&over));
        tasks.spawn(async move { uses(&caller, &over).await });
    }
    let cut = break_connections(postgres(&site), Duration::from_secs(4), Duration::from_millis(250)).await;
    over.store(true, Ordering::Relaxed);
    let mut seen = Seen::default();
    tasks.join_all().await.into_iter().for_each(|of_one| seen.add(of_one));
    println!(
        "{cut} connections cut, {} leases acknowledged, {} unavailable",
        seen.leases.len(),
        seen.unavailable
    );
    assert!(cut > 16 && !seen.leases.is_empty());

    let caller = recovered(&broker, &token).await;
    for (id, (renewals, revoked)) in &seen.leases {
        let shown = caller.show(id).await.unwrap_or_else(|failure| panic!("{id}: {failure:?}"));
        assert!(shown.renewal_count >= *renewals, "{id}: {shown:?}, acknowledged {renewals} renewals");
        if *revoked {
            assert_eq!(caller.read(id).await, Err(Failure::Refused("lease_revoked".to_owned())));
        } else {
            assert_eq!(caller.read(id).await, Ok(()), "{id}");
        }
    }
    finish(&site, broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_a_commit_never_makes_two_leases_of_one_key() {
    let site = Site::production(Kind::Postgres).await;
    let broker = site.serve(&[]).await;
    let token = broker.access_token(&site.env()).await;
    let over = Arc::new(AtomicBool::new(false));
    let numbers = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for way in [Way::Http, Way::Grpc].repeat(6) {
        let caller = broker.caller(way, &token).await;
        let (over, numbers) = (Arc::clone(&over), Arc::clone(&numbers));
        tasks.spawn(async move {
            let mut granted = BTreeMap::new();
            while !over.load(Ordering::Relaxed) {
                let name = format!("key-{}", numbers.fetch_add(1, Ordering::Relaxed));
                let id = create_for_certain(&caller, &name).await;
                granted.insert(name, id);
            }
            granted
        });
    }
    // Often enough to hit commits under way.
    let cut = break_connections(postgres(&site), Duration::from_secs(5), Duration::from_millis(40)).await;
    over.store(true, Ordering::Relaxed);
    let granted: BTreeMap<_, _> = tasks.join_all().await.into_iter().flatten().collect();
    println!("{cut} connections cut, {} leases acknowledged", granted.len());
    assert!(cut > 50 && !granted.is_empty());

    recovered(&broker, &token).await;
    let sql = "SELECT server_id || ' ' || id FROM leases WHERE server_id LIKE 'key-%' ORDER BY server_id";
    let rows = site.texts(sql).await;
    let rows: Vec<(&str, &str)> = rows.iter().map(|row| row.split_once(' ').expect("two words")).collect();
    let expected: Vec<(&str, &str)> = granted.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect();
    assert_eq!(rows, expected, "each key made exactly the lease that was acknowledged");
    finish(&site, broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_gone_is_503_and_back_by_itself() {
    let site = Site::production(Kind::Postgres).await;
    let broker = site.serve(&[]).await;
    let token = broker.access_token(&site.env()).await;
    let caller = broker.caller(Way::Http, &token).await;
    let (id, _) = caller.create(ask("before", None)).await.expect("a lease");

    postgres(&site).allow_connections(false).await;
    postgres(&site).terminate_backends().await;
    let bearer = format!("Bearer {token}");
    for path in ["/readyz", "/api/mcp/me", &format!("{}/{id}", crate::harness::LEASES)] {
        let begun = Instant::now();
        let request = http_client().get(format!("{}{path}", broker.url)).header("authorization", &bearer);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 503, "{path}");
        let seconds =
            answer.headers()["retry-after"].to_str().expect("text").parse::<u32>().expect("seconds");
        assert!((1..=60).contains(&seconds), "{path}: {seconds}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{path} took {:?}", begun.elapsed());
        let problem = answer.text().await.expect("a body");
        assert!(problem.contains("\"unavailable\""), "{path}: {problem}");
        assert!(!problem.contains("postgres"), "{path}: {problem}");
    }
    assert_eq!(broker.look("/livez").await.0, 200);
    assert_eq!(broker.look("/metrics").await.0, 200);
    let unavailable = Failure::Refused("unavailable".to_owned());
    assert_eq!(caller.create(ask("during", None)).await, Err(unavailable.clone()));
    assert_eq!(caller.renew(&id).await.map(drop), Err(unavailable));
    grpc_says_when_to_come_back(&broker, &token).await;
    let form = [("grant_type", "client_credentials")];
    let env = site.env();
    let request = http_client().post(format!("{}/oauth/token", broker.url)).form(&form);
    let request = request.basic_auth(&env["OAUTH_CLIENT_ID"], Some(&env["OAUTH_CLIENT_SECRET"]));
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 503, "no token without its row");

    postgres(&site).allow_connections(true).await;
    let caller = recovered(&broker, &token).await;
    assert_eq!(caller.show(&id).await.expect("the lease").renewal_count, 0);
    caller.renew(&id).await.expect("a renewal");
    assert!(site.texts("SELECT id FROM leases WHERE server_id = 'during'").await.is_empty());
    finish(&site, broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_long_for_a_database_that_went_in_the_midst_of_commits() {
    let site = Site::production(Kind::Postgres).await;
    let broker = site.serve(&[]).await;
    let token = broker.access_token(&site.env()).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for way in [Way::Http, Way::Grpc].repeat(8) {
        let (caller, over) = (broker.caller(way, &token).await, Arc::clone(&over));
        tasks.spawn(async move {
            let mut longest = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                Seen::default().note(caller.create(ask("gone", None)).await);
                longest = longest.max(begun.elapsed());
            }
            longest
        });
    }
    // The callers get under way; then the outage lasts longer than any of them may wait.
    tokio::time::sleep(Duration::from_secs(1)).await;
    postgres(&site).allow_connections(false).await;
    postgres(&site).terminate_backends().await;
    // Longer than a caller may wait, so that one who would hang shows.
    tokio::time::sleep(Duration::from_secs(6)).await;
    over.store(true, Ordering::Relaxed);
    let longest = tasks.join_all().await.into_iter().max().expect("callers");
    println!("the longest wait for an answer: {longest:?}");
    assert!(longest < Duration::from_secs(12), "{longest:?}");
    postgres(&site).allow_connections(true).await;
    recovered(&broker, &token).await;
    finish(&site, broker).await;
}

/// Breaks every connection again and again; answers how many there were in all.
async fn break_connections(postgres: &Postgres, how_long: Duration, every: Duration) -> usize {
    let end = Instant::now() + how_long;
    let mut cut = 0;
    while Instant::now() < end {
        // Between two cuts the broker gets to commit something.
        tokio::time::sleep(every).await;
        cut += postgres.terminate_backends().await;
    }
    cut
}

async fn recovered(broker: &Broker, token: &str) -> Caller {
    until("readyz", PATIENCE, async || (broker.look("/readyz").await.0 == 200).then_some(())).await;
    let caller = broker.caller(Way::Grpc, token).await;
    until("a lease again", PATIENCE, async || caller.create(ask("after", None)).await.ok()).await;
    broker.caller(Way::Http, token).await
}

async fn grpc_says_when_to_come_back(broker: &Broker, token: &str) {
    let endpoint = Endpoint::from_shared(format!("http://{}", broker.grpc)).expect("an address");
    let mut client = LeaseServiceClient::new(endpoint.connect().await.expect("the gRPC port"));
    let mut request = Request::new(GetLeaseRequest { lease_id: "lse_0".to_owned() });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token"));
    // An id that is none is refused before the database is asked.
    let status = client.get_lease(request).await.expect_err("no such lease");
    assert!(matches!(status.code(), Code::NotFound | Code::Unavailable), "{status:?}");
    let mut request = Request::new(leasehold_proto::v1::ListLeasesRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token"));
    let status = client.list_leases(request).await.expect_err("no database");
    assert_eq!(status.code(), Code::Unavailable);
    let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
    assert!(retry.is_some_and(|delay| delay >= Duration::from_secs(1)), "{retry:?}");
}

async fn finish(site: &Site, broker: Broker) {
    let stopped = broker.stop().await;
    assert!(!stopped.stderr().contains("panicked"), "{}", stopped.stderr());
    site.verify_audit().await;
}

fn postgres(site: &Site) -> &Postgres {
    site.postgres.as_ref().expect("a site on PostgreSQL")
}

const fn ask<'a>(server_id: &'a str, key: Option<&'a str>) -> Ask<'a> {
    Ask { services: &["todoist", "jira"], server_id, key }
}
