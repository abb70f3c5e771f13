//! Sweeps: marking what time, fences and lost entitlements already ended. Bounded; the facts were locked with limits.

use crate::{
    model::{audit::Actor, id::LeaseId, standing::Standing, token::TokenRefusal},
    store::mutation::{Mutation, Outcome, Sweep},
};

use super::working::{End, Working};

/// Marks due and doubtful leases.
pub(super) fn decide(work: &mut Working, mutations: &[Mutation]) {
    let due = std::mem::take(&mut work.due);
    let doubtful = std::mem::take(&mut work.doubtful);
    for (position, mutation) in mutations.iter().enumerate() {
        let sweep = match mutation {
            Mutation::ExpireLeases(sweep) => {
                let found = due.len() as u64;
                Sweep { marked: found, expired: found, more: due.len() >= usize::from(sweep.limit) }
            }
            Mutation::RecheckLeases(_) => {
                Sweep { marked: doubtful.len() as u64, expired: 0, more: work.more_doubts }
            }
            _ => continue,
        };
        work.settle(position, Ok(Outcome::Swept(sweep)));
    }
    due.into_iter().chain(doubtful).for_each(|id| mark(work, id));
}

fn mark(work: &mut Working, id: LeaseId) {
    let Some(held) = work.leases.get(&id) else { return };
    let end = match held.facts.standing(work.now) {
        Standing::Expired => End::Expired,
        Standing::Revoked => End::Revoked { reason: reason(held.facts.fenced), by: "system".to_owned() },
        // Renewed or re-checked meanwhile: nothing to mark.
        Standing::Holds | Standing::Recheck => return,
    };
    work.end(id, end, &Actor::system(), None);
}

/// What a lost source is marked with is decided where entitlements are checked again.
fn reason(fenced: bool) -> String {
    if fenced { "revoked".to_owned() } else { TokenRefusal::HolderInactive.as_str().to_owned() }
}
