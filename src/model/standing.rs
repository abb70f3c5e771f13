//! Standing: whether a lease holds at the moment of a use.
//!
//! The database answers the part that needs other rows (the view `lease_holds`); this file joins it with the lease's
//! own state and the time. Every use goes through [`LeaseFacts::standing`]: there is no second way to decide.

use super::{
    instant::Instant,
    lease::{Lease, LeaseState, LeaseStatus, Revocation},
};

/// A lease, and what other rows say of it at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseFacts {
    /// The row.
    pub lease: Lease,
    /// A fence matches it.
    pub fenced: bool,
    /// Its client, its user, or the MCP token it was taken with is no longer active.
    pub holder_gone: bool,
    /// An epoch moved since its entitlement was last checked.
    pub stale: bool,
    /// When the first of its values runs out by itself, where that is known.
    pub values_expire_at: Option<Instant>,
}

/// Whether a lease holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Holds,
    /// It did when last checked, but something it rests on changed: check its entitlement before any use.
    Recheck,
    /// It ran out.
    Expired,
    /// It was revoked, or is by what happened to its holder or a fence.
    Revoked,
}

impl LeaseFacts {
    /// Whether the lease holds at `now`.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        match self.lease.state {
            LeaseState::Revoked(_) | LeaseState::Revoking(_) => Standing::Revoked,
            LeaseState::Expired => Standing::Expired,
            LeaseState::Pending | LeaseState::Active if self.fenced || self.holder_gone => Standing::Revoked,
            LeaseState::Pending | LeaseState::Active if self.lease.expires_at <= now => Standing::Expired,
            LeaseState::Pending | LeaseState::Active if self.stale => Standing::Recheck,
            LeaseState::Pending | LeaseState::Active => Standing::Holds,
        }
    }

    /// What a borrower is told. A lease to re-check counts as active until the check says otherwise.
    #[must_use]
    pub fn status(&self, now: Instant) -> LeaseStatus {
        match self.standing(now) {
            Standing::Expired => LeaseStatus::Expired,
            Standing::Revoked => LeaseStatus::Revoked,
            Standing::Holds | Standing::Recheck => LeaseStatus::Active,
        }
    }

    /// When and why it was revoked; a lease ended by its holder's end or a fence has no record of its own yet.
    #[must_use]
    pub const fn revocation(&self) -> Option<&Revocation> {
        self.lease.state.revocation()
    }
}
