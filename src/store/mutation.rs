//! Mutations: the frequent writes, as values. The committer applies many of them in one transaction.
//!
//! A mutation names its bearer, so that the token is judged in the same transaction as the lease.

use std::sync::Arc;

use crate::model::{
    audit::{Actor, AuditRecord},
    id::{ClientId, LeaseId, OrganizationId, TokenId},
    instant::Instant,
    lease::Lease,
    owner::Owner,
    principal::Principal,
    renewal::{RenewalCap, UseRefusal},
    resolution::Source,
    scope::ScopeSet,
    standing::LeaseFacts,
    token::{Token, TokenReading, TokenRefusal},
    ttl::Ttl,
};

use super::admin::{AdminChange, Checkpoint, Precondition};

/// Who uses a lease: judged together with it.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The token shown.
    pub token_id: TokenId,
    /// What was true of it when it was read.
    pub reading: TokenReading,
    /// Whom it makes the bearer.
    pub principal: Principal,
    /// What it allows; a lease with a service outside is not the bearer's to see.
    pub scopes: Arc<ScopeSet>,
}

/// One frequent write.
#[derive(Debug, Clone)]
pub enum Mutation {
    /// An administrative write; applied alone.
    Administer(Box<AdminChange>),
    /// Re-checks one lease that a reading found in doubt.
    CheckLease(CheckLease),
    /// Takes a lease, or finds the one that answers the request.
    CreateLease(Box<CreateLease>),
    /// Marks leases that ran out, a bounded number, fair between owners. Background.
    ExpireLeases(ExpireLeases),
    /// Records a token, if its client still stands as it was read.
    IssueToken(Box<IssueToken>),
    /// Keeps a signed head of the audit chain.
    PutCheckpoint(Box<Checkpoint>),
    /// Checks that a lease holds, for handing out its values again.
    ReadCredentials(ReadCredentials),
    /// Re-checks leases in doubt after a change that may have ended their entitlement, a bounded number. Background.
    RecheckLeases(RecheckLeases),
    /// Writes an audit record of something that changed nothing.
    Record(Box<AuditRecord>),
    /// Renews a lease.
    RenewLease(RenewLease),
    /// Takes a lease back.
    RevokeLease(RevokeLease),
    /// Takes a token back.
    RevokeToken(RevokeToken),
    /// Counts one use of a token whose uses are limited.
    UseToken(UseToken),
}

impl Mutation {
    /// The id of the call that it comes from, if one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let actor = match self {
            Self::Administer(change) => &change.records.first()?.actor,
            Self::CreateLease(create) => &create.actor,
            Self::IssueToken(issue) => &issue.actor,
            Self::ReadCredentials(read) => &read.actor,
            Self::Record(record) => &record.actor,
            Self::RenewLease(renew) => &renew.actor,
            Self::RevokeLease(revoke) => &revoke.actor,
            Self::RevokeToken(revoke) => &revoke.actor,
            Self::CheckLease(_)
            | Self::ExpireLeases(_)
            | Self::PutCheckpoint(_)
            | Self::RecheckLeases(_)
            | Self::UseToken(_) => return None,
        };
        actor.request_id.as_deref()
    }
}

/// See [`Mutation::CreateLease`].
#[derive(Debug, Clone)]
pub struct CreateLease {
    /// For the audit record.
    pub actor: Actor,
    /// Who borrows.
    pub bearer: Bearer,
    /// The lease to record, should none answer the request already.
    pub lease: Lease,
    /// What it rests on, in the order of its services. With none, only the lease of the idempotency key will do.
    pub sources: Vec<Source>,
    /// The revisions it was resolved at; any that moved refuses it with [`Refusal::Moved`].
    pub revisions: Vec<(Owner, i64)>,
    /// The most live leases of the principal.
    pub max_live: i64,
    /// The caller's idempotency key.
    pub idempotency: Option<Idempotency>,
    /// Given when a live lease taken with the same key will do: a digest of server, services, organization and ttl.
    pub reuse_key: Option<String>,
}

/// An idempotency key, unique per principal for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// As sent.
    pub key: String,
    /// A digest of the request it came with.
    pub digest: String,
}

/// See [`Mutation::RenewLease`].
#[derive(Debug, Clone)]
pub struct RenewLease {
    /// For the audit record.
    pub actor: Actor,
    /// Who renews.
    pub bearer: Bearer,
    /// The lease.
    pub lease_id: LeaseId,
    /// A ttl not longer than the original.
    pub ttl: Option<Ttl>,
    /// Whether the sources are wanted even when nothing rotated.
    pub with_sources: bool,
}

/// See [`Mutation::ReadCredentials`].
#[derive(Debug, Clone)]
pub struct ReadCredentials {
    /// For the audit record.
    pub actor: Actor,
    /// Who reads.
    pub bearer: Bearer,
    /// The lease.
    pub lease_id: LeaseId,
}

/// See [`Mutation::RevokeLease`].
#[derive(Debug, Clone)]
pub struct RevokeLease {
    /// For the audit record.
    pub actor: Actor,
    /// Who revokes.
    pub bearer: Bearer,
    /// The lease.
    pub lease_id: LeaseId,
    /// Why.
    pub reason: String,
    /// Whose leases it may end.
    pub reach: Reach,
}

/// Whose leases a revocation may end. What lies outside is answered as not there.
#[derive(Debug, Clone)]
pub enum Reach {
    /// Anybody's.
    Any,
    /// The bearer's own.
    Own,
    /// Those that rest on an organization's credentials, while this makes the bearer one of its administrators.
    RestingOn(OrganizationId, Vec<Precondition>),
}

impl Reach {
    /// Whom a revocation is recorded for, when it is not the borrower: an organization's administrator acts for it.
    #[must_use]
    pub const fn on_behalf_of(&self) -> Option<Owner> {
        match self {
            Self::Any | Self::Own => None,
            Self::RestingOn(organization, _) => Some(Owner::Organization(*organization)),
        }
    }
}

/// See [`Mutation::IssueToken`].
#[derive(Debug, Clone)]
pub struct IssueToken {
    /// For the audit record.
    pub actor: Actor,
    /// The token; its epoch is the client's, as read.
    pub token: Token,
    /// The digest, in hex, of the secret that the client proved itself with: it must be good still.
    pub secret: String,
}

/// See [`Mutation::RevokeToken`].
#[derive(Debug, Clone)]
pub struct RevokeToken {
    /// For the audit record.
    pub actor: Actor,
    /// The token.
    pub token_id: TokenId,
    /// Only a token of this client is touched (RFC 7009, section 2.1).
    pub client_id: ClientId,
}

/// See [`Mutation::UseToken`].
#[derive(Debug, Clone)]
pub struct UseToken {
    /// The token.
    pub token_id: TokenId,
}

/// See [`Mutation::ExpireLeases`].
#[derive(Debug, Clone)]
pub struct ExpireLeases {
    /// The most to mark at once.
    pub limit: u16,
}

/// See [`Mutation::RecheckLeases`].
#[derive(Debug, Clone)]
pub struct RecheckLeases {
    /// The most to check at once.
    pub limit: u16,
}

/// See [`Mutation::CheckLease`].
#[derive(Debug, Clone)]
pub struct CheckLease {
    /// Who asks.
    pub bearer: Bearer,
    /// The lease.
    pub lease_id: LeaseId,
}

/// What a mutation did.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Done; nothing to tell.
    Done,
    /// A token was recorded.
    Issued,
    /// How many rows an administrative change touched.
    Touched(u64),
    /// A lease, re-checked.
    Checked(Box<LeaseFacts>),
    /// A bounded step of a sweep.
    Swept(Sweep),
    /// A lease was taken, or found.
    Created(Box<CreatedLease>),
    /// A lease was renewed.
    Renewed(Box<RenewedLease>),
    /// A lease holds; what it rests on today.
    Readable(Box<ReadableLease>),
    /// A lease is over.
    Revoked(Box<RevokedLease>),
}

/// See [`Outcome::Swept`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// Leases that the step found.
    pub marked: u64,
    /// Of these, how many had run out.
    pub expired: u64,
    /// Whether there may be more to do at once.
    pub more: bool,
}

/// See [`Outcome::Created`].
#[derive(Debug, Clone)]
pub struct CreatedLease {
    /// The lease.
    pub lease: Lease,
    /// What it rests on.
    pub sources: Vec<Source>,
    /// Whether it is new.
    pub origin: LeaseOrigin,
}

/// Where the answer to a create came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseOrigin {
    /// A new row.
    New,
    /// The lease that the same idempotency key made.
    Replayed,
    /// A live lease that the caller was willing to share.
    Reused,
}

/// See [`Outcome::Renewed`].
#[derive(Debug, Clone)]
pub struct RenewedLease {
    /// The lease, renewed.
    pub lease: Lease,
    /// What cut the renewal short.
    pub capped_by: Option<RenewalCap>,
    /// What it rests on: present when asked for, or when a value changed since it was last handed out.
    pub sources: Option<Vec<Source>>,
    /// When the first of its values runs out by itself, where that is known.
    pub values_expire_at: Option<Instant>,
}

/// See [`Outcome::Readable`].
#[derive(Debug, Clone)]
pub struct ReadableLease {
    /// The lease.
    pub lease: Lease,
    /// What it rests on, with today's versions.
    pub sources: Vec<Source>,
}

/// See [`Outcome::Revoked`].
#[derive(Debug, Clone)]
pub struct RevokedLease {
    /// The lease.
    pub lease: Lease,
    /// When it ended: the first revocation's time, or when it ran out.
    pub ended_at: Instant,
    /// Whether this revocation ended it.
    pub newly: bool,
}

/// Why a mutation was refused. The row is untouched; the refusal itself may be audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The client changed while its token was made.
    ClientChanged,
    /// The idempotency key came with another request before.
    IdempotencyKeyReused,
    /// The membership that gave the caller authority changed meanwhile.
    AuthorityChanged,
    /// The row changed since the caller read it.
    Changed,
    /// No other key would sign.
    LastSigningKey,
    /// The lease that the idempotency key made is over.
    LeaseEnded,
    /// What the lease was resolved from changed meanwhile: resolve again.
    Moved,
    /// No such lease, or not the bearer's.
    NotFound,
    /// The create names no sources, and no earlier request answers it.
    NothingToLend,
    /// The principal has as many live leases as it may.
    QuotaExceeded,
    /// The bearer's token no longer stands.
    Token(TokenRefusal),
    /// The owner has as many good MCP tokens as it may, which is so many.
    TooManyTokens(i64),
    /// The ttl asked for is longer than the lease's own.
    TtlTooLong,
    /// The lease does not hold, or cannot be renewed.
    Use(UseRefusal),
}
