//! Tokens that were made for one lease, and their withdrawal at the service.

use std::{fmt, str::FromStr};

use super::{
    id::{CredentialId, LeaseId, MintedTokenId},
    instant::Instant,
    named::named,
    owner::Owner,
    page::{Cursor, Listed, OrderKey},
    sealed::Sealed,
    service::{ServiceName, ServiceRef},
};

named! {
    /// How far such a token got.
    MintedState, "state of a token":
    /// The service is asked for it; whether it made one is not known yet.
    Pending = "pending";
    /// Lent.
    Live = "live";
    /// Its lease is over: it is being withdrawn.
    Withdrawing = "withdrawing";
    /// It cannot be withdrawn, and is good until it runs out.
    Unrevocable = "unrevocable";
}

/// A token that was made for one lease. One that was withdrawn, or ran out, has no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MintedToken {
    /// Its id; also what a repeated request is told by, where the service can.
    pub id: MintedTokenId,
    /// The lease.
    pub lease_id: LeaseId,
    /// The service of the lease, as it was asked for.
    pub name: ServiceRef,
    /// The kind of backend.
    pub service: ServiceName,
    /// What it was made with.
    pub credential_id: CredentialId,
    /// Whose credential that is.
    pub owner: Owner,
    /// How far it got.
    pub state: MintedState,
    /// The token, once it is known.
    pub sealed: Option<Sealed>,
    /// When it runs out by itself at the latest.
    pub expires_at: Instant,
    /// When the service was asked for it.
    pub created_at: Instant,
    /// When it is tried to be withdrawn next.
    pub due_at: Option<Instant>,
    /// How often that failed.
    pub attempts: i64,
    /// Why the last one did.
    pub failure: Option<String>,
}

impl Listed for MintedToken {
    fn cursor(&self, _: OrderKey) -> Cursor {
        let id = self.id.to_string();
        Cursor { key: id.clone(), id }
    }
}

/// How long a request for a token may be under way before it counts as broken off.
pub const PENDING_SECONDS: i64 = 60;
