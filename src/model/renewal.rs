//! Renewal: what it gives, and when it is refused.

use std::{fmt, str::FromStr};

use super::{instant::Instant, lease::Lease, organization::named, standing::Standing, ttl::Ttl};

named! {
    /// Why a renewal, or a reading of credentials, is refused.
    UseRefusal, "refusal":
    /// The borrower may no longer use what the lease rests on.
    EntitlementLost = "entitlement_lost";
    /// It ran out.
    Expired = "lease_expired";
    /// It was renewed as often as it may be.
    MaxRenewals = "max_renewals_exceeded";
    /// It cannot be renewed at all.
    NotRenewable = "not_renewable";
    /// It was revoked.
    Revoked = "lease_revoked";
}

named! {
    /// What cut a renewal short of the full ttl.
    RenewalCap, "renewal cap":
    /// The most a lease may live, renewals included.
    MaxLifetime = "max_lifetime";
}

/// A renewal granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// When the lease runs out now.
    pub expires_at: Instant,
    /// What cut it short, if anything did.
    pub capped_by: Option<RenewalCap>,
}

impl Lease {
    /// Decides a renewal of a lease that holds: to *now + the original ttl* (or the shorter `requested` one), never
    /// earlier than it ran before, never past its lifetime.
    ///
    /// # Errors
    /// [`UseRefusal::NotRenewable`] or [`UseRefusal::MaxRenewals`].
    pub fn renewal(&self, requested: Option<Ttl>, now: Instant) -> Result<Renewal, UseRefusal> {
        if !self.renewable {
            return Err(UseRefusal::NotRenewable);
        }
        if self.renewals_remaining() == 0 {
            return Err(UseRefusal::MaxRenewals);
        }
        let ttl = requested.map_or(self.ttl, |ttl| ttl.min(self.ttl));
        let wanted = ttl.after(now).max(self.expires_at);
        let expires_at = wanted.min(self.lifetime_ends_at);
        let capped_by = (expires_at < wanted).then_some(RenewalCap::MaxLifetime);
        Ok(Renewal { expires_at, capped_by })
    }

    /// Applies a granted renewal.
    pub fn renewed(&mut self, renewal: Renewal, now: Instant) {
        self.expires_at = renewal.expires_at;
        self.renewal_count += 1;
        self.last_renewed_at = Some(now);
    }
}

impl Standing {
    /// The refusal that this standing means for a use; none when it holds (or must be re-checked first).
    #[must_use]
    pub const fn refusal(&self) -> Option<UseRefusal> {
        match self {
            Self::Expired => Some(UseRefusal::Expired),
            Self::Revoked => Some(UseRefusal::Revoked),
            Self::Holds | Self::Recheck => None,
        }
    }
}
