//! `kill -9` under load: whatever was acknowledged is there after the restart, and nothing acknowledged as revoked works.

mod ledger;
mod load;

use std::time::Duration;

use crate::harness::{Broker, Kind, Random, Site, Way};

use ledger::Ledger;
use load::Load;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_on_sqlite() {
    survive(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_on_postgres() {
    survive(Kind::Postgres).await;
}

async fn survive(kind: Kind) {
    let mut random = Random::for_run(&format!("kills on {kind:?}"));
    let site = Site::production(kind).await;
    let mut ledger = Ledger::default();
    for round in 1..=rounds() {
        let mut broker = site.serve(&[]).await;
        let tokens = tokens(&site, &broker).await;
        let load = Load::start(&broker, &tokens, WORKERS, &mut random).await;
        // The load runs for a drawn while, so that the kill hits any step of it.
        tokio::time::sleep(Duration::from_millis(300 + u64::try_from(random.below(900)).expect("small")))
            .await;
        broker.process.kill();
        let seen = load.finish().await;
        println!("{kind:?}, round {round}: {seen}");
        assert!(seen.leases() > 0, "nothing was acknowledged before the kill");

        let broker = site.serve(&[]).await;
        let way = if round % 2 == 0 { Way::Grpc } else { Way::Http };
        seen.check(&broker, way).await;
        ledger.merge(seen);
        let stopped = broker.stop().await;
        assert!(!stopped.stderr().contains("panicked"), "{}", stopped.stderr());
        site.verify_audit().await;
        ledger.check_records(&site).await;
    }
    let broker = site.serve(&[]).await;
    ledger.check(&broker, Way::Http).await;
}

/// A user's MCP token and a client's access token: principals with leases of their own.
async fn tokens(site: &Site, broker: &Broker) -> Vec<String> {
    let env = site.env();
    vec![env["MCP_TOKEN"].clone(), broker.access_token(&env).await]
}

fn rounds() -> usize {
    std::env::var("LEASEHOLD_TEST_KILLS")
        .map_or(2, |text| text.parse().expect("LEASEHOLD_TEST_KILLS: a number"))
}

const WORKERS: usize = 32;
