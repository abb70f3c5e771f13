//! Callers in an outage: what they are told, and what they are not.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use crate::harness::{Caller, Failure, PATIENCE};

use super::ask;

/// What one caller was told.
#[derive(Default)]
pub(super) struct Seen {
    /// By id: renewals, and whether revoked; only as far as acknowledged, and leases whose revocation was not
    /// acknowledged are left out.
    pub(super) leases: BTreeMap<String, (u64, bool)>,
    pub(super) unavailable: u32,
}

impl Seen {
    pub(super) fn add(&mut self, other: Self) {
        self.leases.extend(other.leases);
        self.unavailable += other.unavailable;
    }

    /// Nothing but a success or 503 is an answer to an outage.
    pub(super) fn note<T>(&mut self, outcome: Result<T, Failure>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(Failure::Refused(code)) if code == "unavailable" => {
                self.unavailable += 1;
                None
            }
            Err(other) => panic!("in an outage: {other:?}"),
        }
    }
}

/// Takes, renews, reads and revokes leases until it is over.
pub(super) async fn uses(caller: &Caller, over: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while !over.load(Ordering::Relaxed) {
        let Some((id, _)) = seen.note(caller.create(ask("outage", None)).await) else { continue };
        let renewals = seen.note(caller.renew(&id).await).map_or(0, |(renewals, _)| renewals);
        seen.note(caller.read(&id).await);
        let revoke = seen.leases.len() % 3 == 0;
        let revoked = revoke && seen.note(caller.revoke(&id).await).is_some();
        if revoked == revoke {
            seen.leases.insert(id, (renewals, revoked));
        }
    }
    seen
}

/// Repeats a request with its key until it is answered.
pub(super) async fn create_for_certain(caller: &Caller, name: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match caller.create(ask(name, Some(name))).await {
            Ok((id, _)) => return id,
            Err(Failure::Refused(code)) if code == "unavailable" => {}
            Err(other) => panic!("{name}: {other:?}"),
        }
        assert!(Instant::now() < deadline, "{name}: never answered");
        // As a client that was told to come back does.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
