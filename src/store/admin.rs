//! Administrative changes, as values. Each is applied alone, in its own transaction, together with its audit record.
//!
//! A change that can end an entitlement raises the epoch of its row, and the revision of every owner whose holdings it
//! alters, in that transaction: at once effective, whatever the number of leases.

use crate::model::{
    audit::AuditRecord,
    client::Client,
    credential::{Credential, CredentialStatus},
    id::{ClientId, CredentialId, DataKeyId, OrganizationId, SigningKeyId, TokenId, UserId},
    instant::Instant,
    organization::{Membership, Organization, OrganizationStatus, Role, SharingRule},
    owner::Owner,
    sealed::Sealed,
    token::Token,
    user::User,
};

/// One administrative write and its records.
#[derive(Debug, Clone)]
pub struct AdminChange {
    /// Written with it: one for each operation; none for what the chain itself needs.
    pub records: Vec<AuditRecord>,
    /// What changes.
    pub change: Change,
}

/// What changes. Creations answer [`super::StoreError::Conflict`] when a unique key is taken; changes of what is not
/// there answer [`super::StoreError::Missing`].
#[derive(Debug, Clone)]
pub enum Change {
    /// A new user, with its owner row.
    CreateUser(User),
    /// Switches a user on or off; raises its epoch and revision. Off, the leases taken for it end for good.
    SetUserActive(UserId, bool),
    /// A new organization, with its owner row.
    CreateOrganization(Organization),
    /// Suspends or reinstates an organization; raises its epoch and revision.
    SetOrganizationStatus(OrganizationId, OrganizationStatus),
    /// Makes a membership, or changes its role; raises its epoch and the user's revision.
    PutMembership(Membership),
    /// Ends a membership; raises its epoch and the user's revision.
    RemoveMembership(OrganizationId, UserId),
    /// A new client with its first secret's digest.
    CreateClient(Client, String),
    /// Switches a client on or off; raises its epoch. Off, its leases end for good.
    SetClientActive(ClientId, bool),
    /// Changes the role of an organization's client; raises its epoch and the organization's revision.
    SetClientRole(ClientId, Role),
    /// Adds a secret; the others run out at the instant given.
    RotateClientSecret(ClientId, String, Instant),
    /// Registers a resource server's URI (RFC 8707).
    CreateResource(String, Instant),
    /// A new MCP token with the digest of its text.
    CreateMcpToken(Token, String),
    /// Switches an MCP token on or off; raises its epoch. Off, its leases end for good.
    SetTokenActive(TokenId, bool),
    /// Records uses: token, count, last use, last address.
    RecordUsage(Vec<(TokenId, i64, Instant, Option<String>)>),
    /// A new credential; the owner's first of its service is primary. Raises the owner's revision.
    CreateCredential(Credential),
    /// A new value: sealed for exactly this version, which must be the present one plus one. Raises epoch and revision.
    RotateCredential {
        /// Which.
        id: CredentialId,
        /// The version it was sealed for.
        version: i64,
        /// The value.
        sealed: Sealed,
        /// When it runs out.
        expires_at: Option<Instant>,
    },
    /// Switches a credential on or off; raises epoch and revision.
    SetCredentialStatus(CredentialId, CredentialStatus),
    /// Changes who may borrow it; raises epoch and revision.
    SetCredentialSharing(CredentialId, SharingRule),
    /// Deletes a credential; leases that rest on it lose it at once. Raises the owner's revision.
    DeleteCredential(CredentialId),
    /// A data key, wrapped. A race's loser gets [`super::StoreError::Conflict`] and reads the winner's.
    CreateDataKey(WrappedDataKey),
    /// Replaces the wrapping of a data key (same key, another root key), if it is still wrapped as `from` says.
    RewrapDataKey {
        /// Which.
        id: DataKeyId,
        /// As it was read.
        from: Sealed,
        /// As it shall be.
        to: Sealed,
    },
    /// Replaces a credential's envelope without a new version (same value, another data key), if it is still `from`.
    ResealCredential {
        /// Which.
        id: CredentialId,
        /// As it was read.
        from: Sealed,
        /// As it shall be.
        to: Sealed,
    },
    /// A signing key, its private part sealed under the system owner's data key.
    CreateSigningKey(StoredSigningKey),
    /// Replaces a signing key's envelope, if it is still `from`.
    ResealSigningKey {
        /// Which.
        id: SigningKeyId,
        /// As it was read.
        from: Sealed,
        /// As it shall be.
        to: Sealed,
    },
    /// Stops a signing key from being published after the instant given.
    RetireSigningKey(SigningKeyId, Instant),
    /// Everything that matches and exists when this commits is revoked by it.
    PlaceFence(Fence),
    /// A signed head of the audit chain.
    PutCheckpoint(Checkpoint),
    /// Removes, as of the instant given and at most so many of each kind: access tokens that ran out a day ago,
    /// idempotency keys older than a day, leases that ended and would have run out a week ago. Answers the largest of the
    /// three numbers.
    Prune(Instant, u16),
    /// A setting of the database itself, such as `environment`.
    PutSetting(&'static str, String),
    /// Nothing but the records.
    RecordOnly,
}

/// A data key, wrapped by a root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// Its id.
    pub id: DataKeyId,
    /// Whose.
    pub owner: Owner,
    /// 1 for the first; the highest seals, all open. Unique with the owner.
    pub version: i64,
    /// The key, wrapped.
    pub wrapped: Sealed,
    /// When it was made.
    pub created_at: Instant,
}

/// A signing key, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// Its id, the `kid` of tokens.
    pub id: SigningKeyId,
    /// PKCS#8, sealed.
    pub sealed: Sealed,
    /// The public key's JWK, as JSON.
    pub public_jwk: String,
    /// When it was made and published.
    pub created_at: Instant,
    /// From when on it signs: published before use.
    pub signs_from: Instant,
    /// Until when it is published; none while no newer key is to follow it.
    pub retires_at: Option<Instant>,
}

/// A filter over leases, in force from its commit. Every field given must match; none at all matches every lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fence {
    /// Its id, as text.
    pub id: String,
    /// Leases of this client.
    pub client_id: Option<ClientId>,
    /// Leases taken for this user.
    pub user_id: Option<UserId>,
    /// Leases that rest on this organization's credentials.
    pub organization_id: Option<OrganizationId>,
    /// Leases that rest on this credential.
    pub credential_id: Option<CredentialId>,
    /// Leases that cover this service.
    pub service: Option<String>,
    /// Leases of this server id.
    pub server_id: Option<String>,
    /// When it was placed.
    pub created_at: Instant,
    /// Why.
    pub reason: String,
}

/// A signed head of an audit chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which chain, as text.
    pub chain_id: String,
    /// The last record it covers.
    pub seq: i64,
    /// That record's hash, in hex.
    pub hash: String,
    /// When it was signed.
    pub at: Instant,
    /// The signing key.
    pub key_id: SigningKeyId,
    /// ES256 over the canonical text of the fields above, base64url.
    pub signature: String,
}
