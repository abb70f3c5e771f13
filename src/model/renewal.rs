//! Renewal: what it gives, and when it is refused.

use std::{fmt, str::FromStr};

use super::{instant::Instant, lease::Lease, named::named, standing::Standing, ttl::Ttl};

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        id::{Id, RANDOM_BYTES},
        lease::{CredentialScope, LeaseState},
        owner::Owner,
        principal::Principal,
        standing::LeaseFacts,
    };

    fn id<I: Id>() -> I {
        I::from_parts(Instant::from_micros(1_000_000), [1; RANDOM_BYTES])
    }

    fn lease(ttl: Ttl, max_renewals: u32, lifetime: i64) -> Lease {
        let start = Instant::from_micros(0);
        Lease {
            id: id(),
            owner: Owner::User(id()),
            principal: Principal::User(id()),
            token_id: id(),
            client_id: None,
            user_id: Some(id()),
            server_id: "worker".to_owned(),
            organization_id: None,
            services: Vec::new(),
            credential_scope: CredentialScope::Personal,
            ttl,
            created_at: start,
            expires_at: ttl.after(start),
            lifetime_ends_at: start.plus_seconds(lifetime),
            renewable: true,
            renewal_count: 0,
            max_renewals,
            last_renewed_at: None,
            state: LeaseState::Active,
            client_info: None,
            address: None,
        }
    }

    proptest! {
        /// Steps of time and renewals, as a borrower would make them: each granted one keeps every bound.
        #[test]
        fn renewals_keep_every_bound(
            ttl in 60_i64..=86_400,
            max in 0_u32..30,
            lifetime in 86_400_i64..2_592_000,
            steps in proptest::collection::vec((0_i64..100_000, proptest::option::of(60_i64..=86_400)), 0..40),
        ) {
            let ttl = Ttl::from_seconds(ttl).expect("a ttl");
            let mut lease = lease(ttl, max, lifetime);
            let mut now = Instant::from_micros(0);
            let mut granted = 0;
            for (pause, asked) in steps {
                now = now.plus_seconds(pause);
                let facts = LeaseFacts { lease: lease.clone(), fenced: false, holder_gone: false, stale: false, values_expire_at: None };
                if facts.standing(now) != Standing::Holds {
                    prop_assert_eq!(facts.standing(now).refusal(), Some(UseRefusal::Expired));
                    prop_assert!(lease.expires_at <= now);
                    continue;
                }
                let before = lease.expires_at;
                let asked = asked.map(|seconds| Ttl::from_seconds(seconds).expect("a ttl"));
                match lease.renewal(asked, now) {
                    Err(refusal) => {
                        prop_assert_eq!(refusal, UseRefusal::MaxRenewals);
                        prop_assert_eq!(granted, max);
                    }
                    Ok(renewal) => {
                        granted += 1;
                        lease.renewed(renewal, now);
                        prop_assert!(renewal.expires_at <= ttl.after(now).max(before));
                        prop_assert!(renewal.expires_at <= lease.lifetime_ends_at);
                        prop_assert!(renewal.expires_at >= before.min(lease.lifetime_ends_at));
                        prop_assert_eq!(lease.renewal_count, granted);
                    }
                }
            }
            prop_assert!(granted <= max);
        }
    }
}
