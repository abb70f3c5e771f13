//! Leases: the record of a loan, and the states it passes through.
//!
//! ```text
//! Pending ──▶ Active ──▶ Revoking ──▶ Revoked
//!    │           │
//!    └───────────┴─────▶ Expired      (Pending: the issuer never answered)
//! ```
//! Nothing leaves `Revoked` or `Expired`. A lease of stored values skips `Pending` and `Revoking`.

use std::{fmt, str::FromStr};

use super::{
    id::{ClientId, LeaseId, OrganizationId, TokenId, UserId},
    instant::Instant,
    named::named,
    owner::Owner,
    principal::Principal,
    resolution::Source,
    scope::ScopeSet,
    service::ServiceRef,
    ttl::Ttl,
};

/// A loan, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// Whom the borrower acts for: the isolation boundary.
    pub owner: Owner,
    /// Who may use it.
    pub principal: Principal,
    /// The token it was taken with.
    pub token_id: TokenId,
    /// The client that took it, unless a user did with an MCP token.
    pub client_id: Option<ClientId>,
    /// The person it was taken for; none for clients of organizations.
    pub user_id: Option<UserId>,
    /// The borrower's name for itself, 1 to 100 characters.
    pub server_id: String,
    /// The organization that the request narrowed the choice to.
    pub organization_id: Option<OrganizationId>,
    /// What was lent, as asked for; sorted.
    pub services: Vec<ServiceRef>,
    /// Where it came from.
    pub credential_scope: CredentialScope,
    /// The time it was asked for, and what each renewal gives again.
    pub ttl: Ttl,
    /// When it was taken.
    pub created_at: Instant,
    /// When it runs out unless renewed.
    pub expires_at: Instant,
    /// No renewal reaches past this.
    pub lifetime_ends_at: Instant,
    /// Whether it can be renewed at all.
    pub renewable: bool,
    /// Renewals so far.
    pub renewal_count: u32,
    /// Renewals at most.
    pub max_renewals: u32,
    /// The last renewal.
    pub last_renewed_at: Option<Instant>,
    /// The recorded state. Time and fences may already say otherwise: see [`super::standing`].
    pub state: LeaseState,
    /// What the borrower said of itself.
    pub client_info: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
}

/// The recorded state of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    /// Recorded, values not yet made.
    Pending,
    /// In force.
    Active,
    /// Revoked; what was issued upstream is still being withdrawn.
    Revoking(Revocation),
    /// Revoked, and done with.
    Revoked(Revocation),
    /// Ran out.
    Expired,
}

/// Why and when a lease was revoked. The first one stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Instant,
    /// Why, in the words of whoever revoked it, or a code such as `entitlement_lost`.
    pub reason: String,
    /// Who: a principal's id, or `system`.
    pub by: String,
}

named! {
    /// The name of a recorded state, as stored.
    StateName, "lease state":
    /// See [`LeaseState::Active`].
    Active = "active";
    /// See [`LeaseState::Expired`].
    Expired = "expired";
    /// See [`LeaseState::Pending`].
    Pending = "pending";
    /// See [`LeaseState::Revoked`].
    Revoked = "revoked";
    /// See [`LeaseState::Revoking`].
    Revoking = "revoking";
}

named! {
    /// What a borrower is told: a lease being revoked is revoked.
    LeaseStatus, "lease status":
    /// In force.
    Active = "active";
    /// Ran out.
    Expired = "expired";
    /// Revoked.
    Revoked = "revoked";
}

named! {
    /// Where the credentials of a lease came from.
    CredentialScope, "credential scope":
    /// From both.
    Mixed = "mixed";
    /// All from organizations.
    Organization = "organization";
    /// All personal.
    Personal = "personal";
}

/// The state does not allow the transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lease that is {from} cannot become {to}")]
pub struct TransitionError {
    /// The state it is in.
    pub from: StateName,
    /// The state it should have gone to.
    pub to: StateName,
}

impl LeaseState {
    /// The state's name.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self {
            Self::Active => StateName::Active,
            Self::Expired => StateName::Expired,
            Self::Pending => StateName::Pending,
            Self::Revoked(_) => StateName::Revoked,
            Self::Revoking(_) => StateName::Revoking,
        }
    }

    /// When and why it was revoked, if it was.
    #[must_use]
    pub const fn revocation(&self) -> Option<&Revocation> {
        match self {
            Self::Revoked(revocation) | Self::Revoking(revocation) => Some(revocation),
            Self::Active | Self::Expired | Self::Pending => None,
        }
    }

    /// The values are made: Pending → Active.
    ///
    /// # Errors
    /// From any other state.
    pub fn activate(self) -> Result<Self, TransitionError> {
        match self {
            Self::Pending => Ok(Self::Active),
            other => Err(other.refuse(StateName::Active)),
        }
    }

    /// Takes the loan back: Pending or Active → Revoking, or at once Revoked when nothing is to be withdrawn upstream.
    /// A lease revoked before stays as it is: the first reason and time stand.
    ///
    /// # Errors
    /// From Expired.
    pub fn revoke(self, revocation: Revocation, upstream: Upstream) -> Result<Self, TransitionError> {
        match (self, upstream) {
            (Self::Pending | Self::Active, Upstream::Nothing) => Ok(Self::Revoked(revocation)),
            (Self::Pending | Self::Active, Upstream::ToWithdraw) => Ok(Self::Revoking(revocation)),
            (already @ (Self::Revoking(_) | Self::Revoked(_)), _) => Ok(already),
            (other @ Self::Expired, _) => Err(other.refuse(StateName::Revoked)),
        }
    }

    /// Upstream is done with: Revoking → Revoked.
    ///
    /// # Errors
    /// From any other state.
    pub fn finish_revoking(self) -> Result<Self, TransitionError> {
        match self {
            Self::Revoking(revocation) => Ok(Self::Revoked(revocation)),
            other => Err(other.refuse(StateName::Revoked)),
        }
    }

    /// Time ran out: Pending or Active → Expired.
    ///
    /// # Errors
    /// From any other state.
    pub fn expire(self) -> Result<Self, TransitionError> {
        match self {
            Self::Pending | Self::Active => Ok(Self::Expired),
            other => Err(other.refuse(StateName::Expired)),
        }
    }

    const fn refuse(&self, to: StateName) -> TransitionError {
        TransitionError { from: self.name(), to }
    }
}

/// Whether a revocation leaves something to withdraw at the service itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    /// Stored values: nothing to withdraw.
    Nothing,
    /// Something was issued.
    ToWithdraw,
}

impl CredentialScope {
    /// What a set of sources makes.
    #[must_use]
    pub fn of(sources: &[Source]) -> Self {
        let shared = sources.iter().filter(|source| source.organization_id().is_some()).count();
        match shared {
            0 => Self::Personal,
            n if n == sources.len() => Self::Organization,
            _ => Self::Mixed,
        }
    }
}

impl Lease {
    /// Renewals still left.
    #[must_use]
    pub const fn renewals_remaining(&self) -> u32 {
        if self.renewable { self.max_renewals.saturating_sub(self.renewal_count) } else { 0 }
    }

    /// Whether a caller may know of it: the principal that took it, with every service of it within the scopes.
    #[must_use]
    pub fn is_visible_to(&self, principal: Principal, scopes: &ScopeSet) -> bool {
        self.principal == principal
            && self.services.iter().all(|service| scopes.allows_service(&service.service))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn revocation(reason: &str) -> Revocation {
        Revocation { at: Instant::from_micros(1), reason: reason.to_owned(), by: "system".to_owned() }
    }

    fn step(state: LeaseState, number: u8) -> LeaseState {
        let before = state.clone();
        let next = match number % 5 {
            0 => state.activate(),
            1 => state.revoke(revocation("later"), Upstream::Nothing),
            2 => state.revoke(revocation("later"), Upstream::ToWithdraw),
            3 => state.finish_revoking(),
            _ => state.expire(),
        };
        next.unwrap_or(before)
    }

    proptest! {
        #[test]
        fn nothing_leaves_an_end_and_the_first_revocation_stands(steps: Vec<u8>) {
            for end in [LeaseState::Revoked(revocation("first")), LeaseState::Expired] {
                prop_assert_eq!(steps.iter().fold(end.clone(), |state, n| step(state, *n)), end);
            }
            let revoking = steps.iter().fold(LeaseState::Revoking(revocation("first")), |state, n| step(state, *n));
            prop_assert_eq!(revoking.revocation(), Some(&revocation("first")));
        }

        #[test]
        fn nothing_becomes_active_twice(steps: Vec<u8>) {
            let mut state = LeaseState::Pending;
            let mut left_active = false;
            for number in steps {
                let next = step(state.clone(), number);
                left_active |= state == LeaseState::Active && next != LeaseState::Active;
                prop_assert!(!(left_active && next == LeaseState::Active));
                state = next;
            }
        }
    }
}
