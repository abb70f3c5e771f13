//! `kill -9` of the broker that refreshes, at each step, whatever the service does with used refresh tokens.
//!
//! On PostgreSQL another broker runs all the while and takes over; on SQLite the same one is started again. The service
//! is asked once more than the dead broker had asked it, and no more than that.

use leasehold_backends::Rotation;

use super::{
    outcome::{CHORE_COMES_BY, goes_on, is_given_up, is_served, stays_given_up},
    scene::{Asked, CLAIM_SECONDS, Held, Scene, TOKEN_SECONDS, read},
    steps::{Step, Trap},
};
use crate::harness::{Failure, Kind, PATIENCE, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_broker_takes_over_from_a_strict_service() {
    killed_at_each_step(Kind::Postgres, Rotation::Strict).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_broker_takes_over_within_the_grace() {
    killed_at_each_step(Kind::Postgres, GRACE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_broker_takes_over_without_rotation() {
    killed_at_each_step(Kind::Postgres, Rotation::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_broker_goes_on_with_a_strict_service() {
    killed_at_each_step(Kind::Sqlite, Rotation::Strict).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_broker_goes_on_within_the_grace() {
    killed_at_each_step(Kind::Sqlite, GRACE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_broker_goes_on_without_rotation() {
    killed_at_each_step(Kind::Sqlite, Rotation::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chore_takes_over_when_nobody_reads() {
    let scene = Scene::start(Kind::Postgres, GRACE).await;
    let survivor = scene.serve().await;
    let person = scene.person(&survivor).await;
    let held = scene.connects(&person).await;
    let then = scene.oauth.counts();
    scene.holds_chores_back().await;
    kill_at(Step::Acted, &scene, &held).await;
    scene.lets_chores_go_on().await;

    // That nothing happens shows in time alone: the chore must have had its turn, on real time.
    tokio::time::sleep(CHORE_COMES_BY).await;
    assert_eq!(scene.since(&then).calls, 1, "what a broker has claimed is left to it");
    scene.passes(CLAIM_SECONDS).await;
    until("the chore", PATIENCE, async || (scene.since(&then).calls > 1).then_some(())).await;
    is_served(&scene, &person, &held).await;
    assert_eq!(scene.since(&then), expected(Step::Acted, GRACE));
    goes_on(&scene, &person, &held).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_death_costs_one_call() {
    let scene = Scene::start(Kind::Sqlite, Rotation::Grace(3_600)).await;
    let broker = scene.serve().await;
    let held = scene.connects(&scene.person(&broker).await).await;
    broker.stop().await;
    // The token that is told again and again is to be good at the end.
    scene.oauth.switches().change(|switches| switches.access_s = 3_600);
    let then = scene.oauth.counts();
    for deaths in 1..=3 {
        // By then the claim of the one before ran out.
        kill_at(Step::Acted, &scene, &held).await;
        assert_eq!(begun(&scene).await, [deaths.to_string()]);
        assert_eq!(scene.since(&then).calls, deaths);
    }
    let broker = scene.serve().await;
    let person = scene.person(&broker).await;
    is_served(&scene, &person, &held).await;
    assert_eq!(scene.since(&then), Asked { calls: 4, refreshes: 1, repeats: 3, reuses: 0 });
}

async fn killed_at_each_step(kind: Kind, rotation: Rotation) {
    let scene = Scene::start(kind, rotation).await;
    for step in Step::ALL {
        let survivor = scene.serve().await;
        let held = scene.connects(&scene.person(&survivor).await).await;
        let then = scene.oauth.counts();
        // One broker at a time has a SQLite file.
        let survivor = match kind {
            Kind::Postgres => {
                scene.holds_chores_back().await;
                kill_at(step, &scene, &held).await;
                assert_eq!(begun(&scene).await, ["1"]);
                scene.lets_chores_go_on().await;
                survivor
            }
            Kind::Sqlite => {
                survivor.stop().await;
                kill_at(step, &scene, &held).await;
                assert_eq!(begun(&scene).await, ["1"]);
                scene.serve().await
            }
        };
        let person = scene.person(&survivor).await;
        let lost = rotation == Rotation::Strict && step.has_acted();
        if lost {
            is_given_up(&scene, &person, &held).await;
        } else {
            is_served(&scene, &person, &held).await;
        }
        let asked = scene.since(&then);
        println!(
            "{kind:?}, {rotation:?}, killed when {step:?}: {}, {asked:?}",
            if lost { "lost" } else { "served" }
        );
        assert_eq!(asked, expected(step, rotation), "{kind:?}, {rotation:?}, {step:?}");

        if lost {
            stays_given_up(&scene, &survivor, &held, &then).await;
        } else {
            goes_on(&scene, &person, &held).await;
        }
        scene.forgets(&person, &held).await;
        let stopped = survivor.stop().await;
        assert!(!stopped.stderr().contains("panicked"), "{}", stopped.stderr());
    }
    scene.site.verify_audit().await;
}

/// A broker that begins to refresh, and is killed at that step.
async fn kill_at(step: Step, scene: &Scene, held: &Held) {
    let trap = Trap::set(step, scene).await;
    let services = trap.services(scene);
    let mut victim = scene.serve_with(&[("LEASEHOLD_SERVICES_DIRECTORY", &services)]).await;
    let (reader, lease) = (scene.person(&victim).await, held.lease.clone());
    scene.passes(TOKEN_SECONDS + 1).await;
    let reading = tokio::spawn(async move { read(&reader, &lease).await });

    let lock = trap.holds(scene).await;
    victim.process.kill();
    assert_eq!(reading.await.expect("a reader"), Err(Failure::Lost), "nobody was lent anything");
    // What hangs is forgotten with its caller; a request that was not carried out never is.
    scene.oauth.faults().wait_until_none_hangs().await;
    if let Some(lock) = lock {
        lock.release().await;
    }
}

/// How often the refresh token was sent by brokers that wrote down that they would, and not what came of it.
async fn begun(scene: &Scene) -> Vec<String> {
    scene.site.texts("SELECT CAST(attempts AS TEXT) FROM grants WHERE claim IS NOT NULL").await
}

/// What reaches the service: the dead broker's call where it was carried out, and one of the broker that takes over.
fn expected(step: Step, rotation: Rotation) -> Asked {
    let once = Asked { calls: 1, refreshes: 1, ..Asked::default() };
    match rotation {
        _ if !step.has_acted() => once,
        Rotation::Strict => Asked { calls: 2, reuses: 1, ..once },
        Rotation::Grace(_) => Asked { calls: 2, repeats: 1, ..once },
        Rotation::None => Asked { calls: 2, refreshes: 2, ..once },
    }
}

/// Longer than the claim of a broker that died.
const GRACE: Rotation = Rotation::Grace(60);
