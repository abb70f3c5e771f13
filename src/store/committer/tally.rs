//! What a batch wrote, counted by its audit records: every write has one, so nothing is missed and nothing counted that
//! did not happen.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::model::{
    audit::{AuditRecord, EventName},
    named::named,
    renewal::UseRefusal,
    token::TokenRefusal,
};

/// Counts of a batch's audit records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    successes: BTreeMap<EventName, u64>,
    refusals: BTreeMap<EventName, u64>,
    ended: BTreeMap<LeaseEnd, u64>,
}

named! {
    /// Why a lease ended.
    LeaseEnd, "ending of a lease":
    /// Its borrower may no longer use what it rests on.
    EntitlementLost = "entitlement_lost";
    /// It ran out.
    Expired = "expired";
    /// It fell to a revocation by filter.
    Fenced = "fenced";
    /// The user, client or token that holds it was switched off.
    HolderInactive = "holder_inactive";
    /// Somebody took it back.
    Revoked = "revoked";
}

impl LeaseEnd {
    /// The reason of a revocation is its caller's text, unless the broker itself gave it.
    fn of(record: &AuditRecord) -> Option<Self> {
        match record.event {
            EventName::LeaseExpired => return Some(Self::Expired),
            EventName::LeaseRevoked if record.refusal.is_none() => {}
            _ => return None,
        }
        if record.actor.id != SYSTEM {
            return Some(Self::Revoked);
        }
        let reason = record.details.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default();
        Some(if reason == UseRefusal::EntitlementLost.as_str() {
            Self::EntitlementLost
        } else if reason == TokenRefusal::HolderInactive.as_str() {
            Self::HolderInactive
        } else {
            Self::Fenced
        })
    }
}

impl Tally {
    pub(super) fn of(records: &[AuditRecord]) -> Self {
        let mut tally = Self::default();
        for record in records {
            let counts = if record.refusal.is_none() { &mut tally.successes } else { &mut tally.refusals };
            *counts.entry(record.event).or_default() += 1;
            if let Some(end) = LeaseEnd::of(record) {
                *tally.ended.entry(end).or_default() += 1;
            }
        }
        tally
    }

    /// How often something was done.
    #[must_use]
    pub fn done(&self, event: EventName) -> u64 {
        self.successes.get(&event).copied().unwrap_or_default()
    }

    /// Records of successes, by event.
    pub fn successes(&self) -> impl Iterator<Item = (EventName, u64)> {
        self.successes.iter().map(|(event, count)| (*event, *count))
    }

    /// Records of refusals, by event.
    pub fn refusals(&self) -> impl Iterator<Item = (EventName, u64)> {
        self.refusals.iter().map(|(event, count)| (*event, *count))
    }

    /// Leases that ended, by reason.
    pub fn ended(&self) -> impl Iterator<Item = (LeaseEnd, u64)> {
        self.ended.iter().map(|(end, count)| (*end, *count))
    }
}

const SYSTEM: &str = "system";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{audit::Actor, instant::Instant};

    #[test]
    fn records_are_counted_and_ends_told_apart() {
        let at = Instant::from_micros(0);
        let caller = Actor { id: "usr_1".to_owned(), ..Actor::system() };
        let revoked = |actor: &Actor, reason: &str| {
            AuditRecord::success(EventName::LeaseRevoked, actor, "lse_1", at).with("reason", reason)
        };
        let tally = Tally::of(&[
            AuditRecord::success(EventName::LeaseCreated, &caller, "lse_1", at),
            AuditRecord::refusal(EventName::LeaseDenied, &caller, None, "quota_exceeded", at),
            AuditRecord::success(EventName::LeaseExpired, &Actor::system(), "lse_1", at),
            revoked(&Actor::system(), "entitlement_lost"),
            revoked(&Actor::system(), "holder_inactive"),
            revoked(&Actor::system(), "revoked"),
            // A caller's own words never choose the reason.
            revoked(&caller, "entitlement_lost"),
            revoked(&caller, "done"),
        ]);
        let ended: Vec<_> = tally.ended().map(|(end, count)| (end.as_str(), count)).collect();
        let expected =
            [("entitlement_lost", 1), ("expired", 1), ("fenced", 1), ("holder_inactive", 1), ("revoked", 2)];
        assert_eq!(ended, expected);
        assert_eq!((tally.done(EventName::LeaseCreated), tally.done(EventName::LeaseDenied)), (1, 0));
        assert_eq!(tally.refusals().collect::<Vec<_>>(), [(EventName::LeaseDenied, 1)]);
        assert_eq!(tally.successes().map(|(_, count)| count).sum::<u64>(), 7);
    }
}
