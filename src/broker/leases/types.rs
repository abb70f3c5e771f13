//! What the lease operations take and give, the same for every protocol.
//!
//! Requests carry what was sent, unchecked: the rules check it here, once, and name the field that is wrong.

use std::{collections::BTreeMap, fmt};

use crate::model::{
    credential::Fields,
    holdings::Subject,
    id::OrganizationId,
    instant::Instant,
    lease::{CredentialScope, Lease, LeaseStatus},
    owner::Owner,
    renewal::RenewalCap,
};

/// Asks for a lease.
#[derive(Debug, Clone, Default)]
pub struct CreateLease {
    /// What to borrow: `service` or `service/account`, 1 to 64, duplicates merged.
    pub services: Vec<String>,
    /// Seconds; an hour when none.
    pub ttl: Option<i64>,
    /// The borrower's name for itself, 1 to 100 characters.
    pub server_id: String,
    /// Narrows the choice among organizations.
    pub organization_id: Option<String>,
    /// Lend what resolves and leave out the rest.
    pub allow_partial: bool,
    /// A live lease of the same kind, taken with this too, will do.
    pub reuse: bool,
    /// Free text of the borrower about itself, up to 500 characters.
    pub client_info: Option<String>,
    /// Makes a repeated request find the first one's lease; 1 to 255 visible ASCII characters.
    pub idempotency_key: Option<String>,
}

/// A lease granted, with the values.
#[derive(Debug, Clone)]
pub struct LeaseGrant {
    /// The lease.
    pub lease: Lease,
    /// The values, by service as asked.
    pub credentials: Credentials,
    /// Where each came from, by service as asked.
    pub sources: BTreeMap<String, CredentialSource>,
    /// When a lent value itself runs out, by service as asked; only where that is known.
    pub credential_expires_at: BTreeMap<String, Instant>,
    /// When to renew.
    pub renew_after: Instant,
    /// What came from organizations: each with the services, as asked, sorted.
    pub included_organizations: BTreeMap<OrganizationId, Vec<String>>,
    /// With `allow_partial`: what was left out.
    pub missing_services: Vec<String>,
    /// Whether the lease existed before, found by `reuse`.
    pub reused: bool,
    /// Whether the lease existed before, found by its idempotency key.
    pub replayed: bool,
}

/// Where one service's values came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialSource {
    /// `personal` or `organization`.
    pub scope: CredentialScope,
    /// The organization, when one's.
    pub organization_id: Option<OrganizationId>,
    /// Its name.
    pub organization_name: Option<String>,
    /// The credential's id.
    pub credential_id: String,
    /// The value's version.
    pub credential_version: i64,
}

/// Opened values, by service as asked for. `Debug` shows the names alone.
#[derive(Clone, Default)]
pub struct Credentials(pub BTreeMap<String, Fields>);

/// A lease without values.
#[derive(Debug, Clone)]
pub struct LeaseView {
    /// The lease, as recorded.
    pub lease: Lease,
    /// What it is at this moment; the recorded state may be marked later.
    pub status: LeaseStatus,
}

impl LeaseView {
    /// Renewals still left: none of a lease that is over.
    #[must_use]
    pub fn renewals_remaining(&self) -> u32 {
        if self.status == LeaseStatus::Active { self.lease.renewals_remaining() } else { 0 }
    }

    /// Whether it can be renewed: not once it is over, or was renewed as often as it may be.
    #[must_use]
    pub fn renewable(&self) -> bool {
        self.status == LeaseStatus::Active && self.lease.renewals_remaining() > 0
    }
}

/// Asks for own leases.
#[derive(Debug, Clone, Default)]
pub struct ListLeases {
    /// `active`, `expired` or `revoked`.
    pub status: Option<String>,
    /// Those that cover this service.
    pub service: Option<String>,
    /// Those of this server id.
    pub server_id: Option<String>,
    /// At most as many: 1 to 1,000; 50 when none or 0.
    pub page_size: Option<i64>,
    /// Where the page before ended.
    pub page_token: Option<String>,
}

/// A page of own leases, newest first.
#[derive(Debug, Clone)]
pub struct LeasePage {
    /// The leases.
    pub leases: Vec<LeaseView>,
    /// Where the next page begins; none on the last.
    pub next_page_token: Option<String>,
}

/// Asks for a renewal.
#[derive(Debug, Clone, Default)]
pub struct RenewLease {
    /// Seconds, not longer than the original ttl.
    pub ttl: Option<i64>,
    /// Whether the values are wanted even when none changed.
    pub include_credentials: bool,
}

/// A lease renewed.
#[derive(Debug, Clone)]
pub struct RenewedLease {
    /// The lease.
    pub lease: Lease,
    /// When to renew next.
    pub renew_after: Instant,
    /// What cut the renewal short.
    pub capped_by: Option<RenewalCap>,
    /// The values: when asked for, or when one changed since it was last handed out.
    pub credentials: Option<Credentials>,
    /// When a lent value itself runs out; along with the values.
    pub credential_expires_at: BTreeMap<String, Instant>,
    /// Which version of each was handed out; along with the values.
    pub credential_versions: BTreeMap<String, i64>,
}

/// The values of a lease, read again.
#[derive(Debug, Clone)]
pub struct LeaseCredentials {
    /// The lease.
    pub lease: Lease,
    /// The values.
    pub credentials: Credentials,
    /// When a lent value itself runs out, by service; only where that is known.
    pub credential_expires_at: BTreeMap<String, Instant>,
    /// Which version of each was handed out, by service.
    pub credential_versions: BTreeMap<String, i64>,
    /// When to renew.
    pub renew_after: Instant,
}

/// Says that a service refuses what was lent.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Which service of the lease, as it was asked for.
    pub service: String,
    /// The version that was refused.
    pub credential_version: i64,
}

/// What to use instead of what a service refused.
#[derive(Debug, Clone)]
pub struct Reported {
    /// Whether it is another version than the one that was refused.
    pub changed: bool,
    /// The values of that service alone.
    pub read: LeaseCredentials,
}

/// A lease that is over.
#[derive(Debug, Clone)]
pub struct RevokedLease {
    /// The lease.
    pub lease: Lease,
    /// When it ended: the first revocation's time, or when it ran out.
    pub ended_at: Instant,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Who the caller is and what it may borrow.
#[derive(Debug, Clone)]
pub struct WhoAmI {
    /// Whose holdings are resolved.
    pub subject: Subject,
    /// Whose credentials it reaches.
    pub owner: Owner,
    /// The client's id, for access tokens.
    pub client_id: Option<String>,
    /// The person's e-mail address, when it acts for one.
    pub email: Option<String>,
    /// The person's or the client's name.
    pub name: String,
    /// Its organizations, oldest membership first.
    pub organizations: Vec<OrganizationView>,
    /// Every service that a lease would be granted for, sorted.
    pub available_services: Vec<String>,
    /// The token's scopes.
    pub token_scopes: Vec<String>,
}

/// An organization, as its member sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationView {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// The caller's role.
    pub role: crate::model::organization::Role,
}
