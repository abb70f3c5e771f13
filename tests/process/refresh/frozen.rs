//! A broker that stands still while it refreshes, longer than its claim lasts, and goes on when another one has taken
//! over.

use leasehold_backends::Rotation;

use super::{
    scene::{Asked, CLAIM_SECONDS, Scene, TOKEN_SECONDS, read, shown},
    steps::{Step, Trap},
};
use crate::harness::{Kind, PATIENCE, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_late_overwrites_nothing() {
    let scene = Scene::start(Kind::Postgres, Rotation::Grace(60)).await;
    let (frozen, other) = tokio::join!(scene.serve(), scene.serve());
    let (late, person) = (scene.person(&frozen).await, scene.person(&other).await);
    for step in [Step::Asked, Step::Acted] {
        let held = scene.connects(&person).await;
        let then = scene.oauth.counts();
        scene.holds_chores_back().await;
        let trap = Trap::set(step, &scene).await;
        scene.passes(TOKEN_SECONDS + 1).await;
        let (reader, lease) = (late.clone(), held.lease.clone());
        let reading = tokio::spawn(async move { read(&reader, &lease).await });
        trap.holds(&scene).await;
        frozen.process.freeze();

        scene.passes(CLAIM_SECONDS).await;
        // It may stand still with a lock that the other one waits for, until the database ends its transaction.
        let token =
            until("the other broker's token", PATIENCE, async || read(&person, &held.lease).await.ok()).await;
        assert!(scene.takes(&token).await);
        let stored = stored(&scene).await;

        // The answer to the frozen one is the same: the service still is within its grace.
        scene.oauth.faults().release();
        frozen.process.thaw();
        let came_late = reading.await.expect("a reader");
        let asked = scene.since(&then);
        println!("frozen when {step:?}: {asked:?}, read late: {}", came_late.is_ok());
        assert_eq!(came_late.as_ref(), Ok(&token), "it reads what the other one got");
        assert_eq!(asked, Asked { calls: 2, refreshes: 1, repeats: 1, reuses: 0 });
        assert_eq!(self::stored(&scene).await, stored, "nothing was written over");

        for person in [&late, &person] {
            let before = scene.oauth.counts();
            scene.passes(TOKEN_SECONDS + 1).await;
            let next = read(person, &held.lease).await.expect("a token");
            assert!(scene.takes(&next).await, "the grant lives");
            assert_eq!(scene.since(&before), Asked { calls: 1, refreshes: 1, ..Asked::default() });
        }
        assert_eq!(shown(&person, &held).await["status"], "active");
        scene.forgets(&person, &held).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_is_not_undone_by_who_comes_late() {
    let scene = Scene::start(Kind::Postgres, Rotation::Strict).await;
    let (frozen, other) = tokio::join!(scene.serve(), scene.serve());
    let (late, person) = (scene.person(&frozen).await, scene.person(&other).await);
    let held = scene.connects(&person).await;
    let then = scene.oauth.counts();
    scene.holds_chores_back().await;
    let trap = Trap::set(Step::Acted, &scene).await;
    scene.passes(TOKEN_SECONDS + 1).await;
    let (reader, lease) = (late.clone(), held.lease.clone());
    let reading = tokio::spawn(async move { read(&reader, &lease).await });
    trap.holds(&scene).await;
    frozen.process.freeze();

    // The service took the second use of the refresh token for theft, and ended what the first one brought too.
    scene.passes(CLAIM_SECONDS).await;
    until("the verdict", PATIENCE, async || {
        let refused = read(&person, &held.lease).await;
        assert!(refused.is_err(), "{refused:?}");
        (shown(&person, &held).await["status"] == "needs_reauth").then_some(())
    })
    .await;
    scene.oauth.faults().release();
    frozen.process.thaw();

    let came_late = reading.await.expect("a reader");
    assert!(came_late.is_err(), "no dead token is lent: {came_late:?}");
    assert_eq!(shown(&late, &held).await["status"], "needs_reauth");
    let asked = scene.since(&then);
    println!("frozen at a strict service: {asked:?}, {came_late:?}");
    assert_eq!(asked, Asked { calls: 2, refreshes: 1, repeats: 0, reuses: 1 });
}

/// The versions of what is lent and of what makes it.
async fn stored(scene: &Scene) -> Vec<String> {
    let sql = "SELECT g.version || ' ' || c.version || ' ' || encode(g.sealed, 'hex') \
               FROM grants g JOIN credentials c ON c.id = g.credential_id";
    scene.site.texts(sql).await
}
