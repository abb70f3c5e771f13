//! Sweeps: marking what time, fences and lost entitlements already ended. Bounded; the facts were locked with limits.

use crate::{
    model::{audit::Actor, id::LeaseId, renewal::UseRefusal, standing::Standing},
    store::mutation::{Mutation, Outcome},
};

use super::working::{End, Working};

/// Marks due and doubtful leases; each sweep is answered how many there were, so that its chore knows whether to go on.
pub(super) fn decide(work: &mut Working, mutations: &[Mutation]) {
    let due = std::mem::take(&mut work.due);
    let doubtful = std::mem::take(&mut work.doubtful);
    let found_due = due.len() as u64;
    due.into_iter().chain(doubtful).for_each(|id| mark(work, id));
    for (position, mutation) in mutations.iter().enumerate() {
        match mutation {
            Mutation::ExpireLeases(_) => work.settle(position, Ok(Outcome::Touched(found_due))),
            Mutation::RecheckLeases(_) => work.settle(position, Ok(Outcome::Reached(work.scanned_to))),
            _ => {}
        }
    }
}

fn mark(work: &mut Working, id: LeaseId) {
    let Some(held) = work.leases.get(&id) else { return };
    let end = match held.facts.standing(work.now) {
        Standing::Expired => End::Expired,
        Standing::Revoked => End::Revoked { reason: reason(held.facts.fenced), by: "system".to_owned() },
        // Renewed or re-checked meanwhile: nothing to mark.
        Standing::Holds | Standing::Recheck => return,
    };
    work.end(id, end, &Actor::system());
}

fn reason(fenced: bool) -> String {
    if fenced { "revoked".to_owned() } else { UseRefusal::EntitlementLost.as_str().to_owned() }
}
