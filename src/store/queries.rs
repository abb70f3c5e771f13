//! What the port takes and gives beside the model's own types: what lists leave out, and rows joined for one purpose.

use crate::model::{
    client::Client,
    id::{CredentialId, LeaseId, OrganizationId, UserId},
    instant::Instant,
    lease::{Lease, LeaseStatus},
    minted::MintedState,
    page::{Cursor, PageSize},
    principal::Principal,
    resolution::Source,
    service::ServiceName,
};

use super::mutation::Idempotency;

/// A client secret's digest in hex, and the instant it runs out.
pub type SecretDigest = (String, Option<Instant>);

/// A client, and what its authentication needs.
#[derive(Debug, Clone)]
pub struct FoundClient {
    /// The client.
    pub client: Client,
    /// Whether its user or organization is active; `system` always is.
    pub owner_stands: bool,
    /// The secrets that are good.
    pub secrets: Vec<SecretDigest>,
}

/// A filter over a principal's own leases.
#[derive(Debug, Clone)]
pub struct LeaseQuery {
    /// Whose.
    pub principal: Principal,
    /// Judged at this moment.
    pub now: Instant,
    /// Only of this status.
    pub status: Option<LeaseStatus>,
    /// Only those that cover this service.
    pub service: Option<ServiceName>,
    /// Only of this server id.
    pub server_id: Option<String>,
    /// The last lease of the page before.
    pub after: Option<LeaseId>,
    /// At most as many.
    pub size: PageSize,
}

/// What to leave out of everybody's leases.
#[derive(Debug, Clone)]
pub struct LeaseFilter {
    /// Judged at this moment.
    pub now: Instant,
    /// Only of this principal.
    pub principal: Option<Principal>,
    /// Only those taken for this user.
    pub user_id: Option<UserId>,
    /// Only those that rest on this organization's credentials.
    pub organization_id: Option<OrganizationId>,
    /// Whether the organization's own credentials alone decide what else is asked about services and credentials.
    pub own_alone: bool,
    /// Only those that rest on this credential.
    pub credential_id: Option<CredentialId>,
    /// Only those that cover this service.
    pub service: Option<ServiceName>,
    /// Only of this server id.
    pub server_id: Option<String>,
    /// Only of this status.
    pub status: Option<LeaseStatus>,
    /// Only those taken at this moment or later.
    pub created_from: Option<Instant>,
    /// Only those taken before this moment.
    pub created_before: Option<Instant>,
}

/// Which live leases to count.
#[derive(Debug, Clone)]
pub struct TallyQuery {
    /// Live at this moment.
    pub now: Instant,
    /// Only of this principal.
    pub principal: Option<Principal>,
    /// Only those that rest on this organization's credentials, and of their services these alone.
    pub organization_id: Option<OrganizationId>,
    /// Only this service.
    pub service: Option<ServiceName>,
    /// The last count of the page before: the service, and the principal as its id.
    pub after: Option<Cursor>,
    /// At most as many counts.
    pub size: PageSize,
}

/// Live leases of a principal that cover a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTally {
    /// Whose.
    pub principal: Principal,
    /// Which kind of backend, whatever the accounts.
    pub service: ServiceName,
    /// How many.
    pub live: i64,
}

/// What to leave out of tokens that wait to be withdrawn, or cannot be.
#[derive(Debug, Clone, Default)]
pub struct MintedFilter {
    /// Only of this service.
    pub service: Option<ServiceName>,
    /// Only of this state.
    pub state: Option<MintedState>,
}

/// An idempotency key that was used before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedKey {
    /// Whose.
    pub principal: Principal,
    /// The key, and the digest of the request it came with.
    pub idempotency: Idempotency,
    /// The lease it made.
    pub lease_id: LeaseId,
}

/// A lease to insert.
#[derive(Debug, Clone)]
pub struct NewLease {
    /// The row.
    pub lease: Lease,
    /// What it rests on.
    pub sources: Vec<Source>,
    /// See [`crate::store::mutation::CreateLease::reuse_key`].
    pub reuse_key: Option<String>,
}
