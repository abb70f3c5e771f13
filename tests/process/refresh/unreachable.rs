//! The database goes away between the question to the service and its answer, and comes back: tokens that came are kept
//! until they can be written, since nobody else has them.

use leasehold_backends::Rotation;

use super::{
    relay::Relay,
    scene::{Asked, Scene, TOKEN_SECONDS, read, shown},
    steps::{Step, Trap},
};
use crate::harness::{Kind, PATIENCE, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_came_wait_for_the_database() {
    let scene = Scene::start(Kind::Postgres, Rotation::Strict).await;
    let url = scene.site.database_url();
    let relay = Relay::to(&url).await;
    let broker = scene.serve_with(&[("LEASEHOLD_DATABASE_URL", &relay.url(&url))]).await;
    let person = scene.person(&broker).await;
    let held = scene.connects(&person).await;
    let then = scene.oauth.counts();
    let trap = Trap::set(Step::Acted, &scene).await;
    scene.passes(TOKEN_SECONDS + 1).await;
    let (reader, lease) = (person.clone(), held.lease.clone());
    let reading = tokio::spawn(async move { read(&reader, &lease).await });
    trap.holds(&scene).await;

    relay.close();
    scene.oauth.faults().release();
    until("an attempt to write", PATIENCE, async || {
        broker.process.stderr().contains("new tokens are not written yet").then_some(())
    })
    .await;
    relay.open();

    let token = until("a token", PATIENCE, async || read(&person, &held.lease).await.ok()).await;
    assert!(token != held.token && scene.takes(&token).await);
    // Whoever waited all the while was told to come again, or got the token too.
    let waited = reading.await.expect("a reader");
    assert!(waited.is_err() || waited.as_ref() == Ok(&token), "{waited:?}");
    let asked = scene.since(&then);
    println!("written when the database was back: {asked:?}");
    assert_eq!(asked, Asked { calls: 1, refreshes: 1, ..Asked::default() });
    assert_eq!(shown(&person, &held).await["status"], "active");
    let before = scene.oauth.counts();
    scene.passes(TOKEN_SECONDS + 1).await;
    read(&person, &held.lease).await.expect("a token");
    assert_eq!(scene.since(&before), Asked { calls: 1, refreshes: 1, ..Asked::default() });
}
