//! What a refresher that died leaves behind: a lease that is served, or a connection that is given up for good.

use std::time::Duration;

use leasehold_backends::Counts;

use super::scene::{Asked, CLAIM_SECONDS, Held, Scene, TOKEN_SECONDS, borrow, read, shown};
use crate::harness::{Broker, Caller, Failure, PATIENCE, until};

/// Once the dead broker's claim ran out, the lease has a token that the service takes.
pub(super) async fn is_served(scene: &Scene, person: &Caller, held: &Held) {
    // The reader is there before the claim ends, and waits for it.
    let (token, ()) = tokio::join!(read(person, &held.lease), scene.passes(CLAIM_SECONDS));
    let token = token.expect("a token");
    assert_ne!(token, held.token);
    assert!(scene.takes(&token).await);
    assert_eq!(shown(person, held).await["status"], "active");
}

/// And what was stored makes the next one.
pub(super) async fn goes_on(scene: &Scene, person: &Caller, held: &Held) {
    let then = scene.oauth.counts();
    scene.passes(TOKEN_SECONDS + 1).await;
    let token = read(person, &held.lease).await.expect("a token");
    assert!(scene.takes(&token).await);
    assert_eq!(scene.since(&then), Asked { calls: 1, refreshes: 1, ..Asked::default() });
}

/// Once the dead broker's claim ran out, the connection is found to be lost, and its owner is told why.
pub(super) async fn is_given_up(scene: &Scene, person: &Caller, held: &Held) {
    let (read_then, ()) = tokio::join!(read(person, &held.lease), scene.passes(CLAIM_SECONDS));
    assert!(matches!(read_then, Err(Failure::Refused(_))), "{read_then:?}");
    until("the end of the connection", PATIENCE, async || {
        let shown = shown(person, held).await;
        (shown["status"] == "needs_reauth").then(|| {
            let reason = shown["status_reason"].as_str().expect("a reason");
            assert!(reason.contains("refresh outcome lost"), "{reason}");
        })
    })
    .await;
    assert!(!scene.takes(&held.token).await);
}

/// However often anybody asks, and whatever time passes: the service hears no more of it.
pub(super) async fn stays_given_up(scene: &Scene, broker: &Broker, held: &Held, then: &Counts) {
    let person = scene.person(broker).await;
    let asked = scene.since(then);
    for hours in [0, 1, 24, 24 * 40] {
        scene.passes(hours * 3_600).await;
        for _ in 0..10 {
            let refused = Err(Failure::Refused("missing_credentials".to_owned()));
            assert_eq!(borrow(&person).await.map(drop), refused);
            let read_then = read(&person, &held.lease).await;
            assert!(matches!(read_then, Err(Failure::Refused(_))), "{read_then:?}");
        }
    }
    // That nothing happens shows in time alone: the chore must have had its turn, on real time.
    tokio::time::sleep(CHORE_COMES_BY).await;
    assert_eq!(scene.since(then), asked, "it is asked no more");
}

/// A chore looks every five seconds of real time at what is due; nothing tells that it found nothing to do.
pub(super) const CHORE_COMES_BY: Duration = Duration::from_secs(6);
