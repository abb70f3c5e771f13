//! `kill -9` between the making of a lease's token and its handing out: nothing that is good at the service is left.

use leasehold_backends::{Action, Fault, Rotation, oauth};
use reqwest::Method;
use serde_json::json;

use super::scene::Scene;
use crate::harness::{Ask, Caller, Kind, LEASES, PATIENCE, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_good_is_left_on_sqlite() {
    killed_while_it_is_made(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_good_is_left_on_postgres() {
    killed_while_it_is_made(Kind::Postgres).await;
}

async fn killed_while_it_is_made(kind: Kind) {
    let scene = Scene::start(kind, Rotation::None).await;
    for fault in [
        Fault::new(Action::Hang).on("POST", "/token"),
        Fault::new(Action::Hang).on("POST", "/token").after_commit(),
    ] {
        let mut broker = scene.serve().await;
        let person = scene.person(&broker).await;
        let fields = json!({ "client_id": oauth::CLIENT_ID, "client_secret": oauth::CLIENT_SECRET });
        let deposit = json!({ "service": "robot", "fields": fields });
        // The second time it is there already.
        let _ = person.call(Method::POST, "/api/credentials", Some(deposit), None).await;
        scene.oauth.faults().add(fault);
        let asking = async {
            let ask = Ask { services: &["robot"], server_id: "killed", key: None };
            // Nobody answers it.
            person.create(ask).await.expect_err("an answer of a dead broker")
        };
        let killing = async {
            scene.oauth.faults().wait_until_hanging(1).await;
            broker.process.kill();
            // What hangs is forgotten with its caller; a request that was not carried out never is.
            scene.oauth.faults().wait_until_none_hangs().await;
        };
        tokio::join!(asking, killing);

        let broker = scene.serve().await;
        // A request that is so old was broken off.
        scene.passes(PENDING_SECONDS + 1).await;
        until("the withdrawal", PATIENCE, async || {
            scene.site.texts("SELECT id FROM minted_tokens").await.is_empty().then_some(())
        })
        .await;
        assert_eq!(scene.oauth.counts().live_tokens, 0);
        let person = scene.person(&broker).await;
        lend(&person).await;
        assert_eq!(scene.oauth.counts().live_tokens, 1, "it goes on");
        // The lease runs out, and its token with it.
        scene.passes(86_401).await;
        until("the end of the lease", PATIENCE, async || {
            scene.site.texts("SELECT id FROM minted_tokens").await.is_empty().then_some(())
        })
        .await;
        broker.stop().await;
    }
}

/// Takes a lease and reads its token.
async fn lend(person: &Caller) {
    let ask = Ask { services: &["robot"], server_id: "after", key: None };
    let (lease, _) = person.create(ask).await.expect("a lease");
    let path = format!("{LEASES}/{lease}/credentials");
    let read = person.call(Method::GET, &path, None, None).await.expect("values");
    assert!(read["credentials"]["robot"]["access_token"].is_string());
}

/// `leasehold::model::minted::PENDING_SECONDS`.
const PENDING_SECONDS: i64 = 60;
