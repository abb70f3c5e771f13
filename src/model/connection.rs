//! Connecting an account: a link that a person opens in a browser, and what becomes of it.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{
    id::{ConnectLinkId, CredentialId},
    instant::Instant,
    named::named,
    organization::SharingRule,
    owner::Owner,
    service::{AccountName, ServiceName},
};

named! {
    /// How far a link got. Each step is taken once.
    LinkState, "state of a link":
    /// Nobody went on to the service.
    Open = "open";
    /// A browser was sent to the service.
    Begun = "begun";
    /// It came back, and its code is being exchanged.
    Exchanging = "exchanging";
    /// An account was reached; whoever asked must confirm it.
    Connected = "connected";
    /// The credential can be borrowed.
    Confirmed = "confirmed";
    /// Nothing came of it.
    Failed = "failed";
}

/// A link to connect an account.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectLink {
    /// Its id.
    pub id: ConnectLinkId,
    /// Whose credential it makes.
    pub owner: Owner,
    /// The kind of backend.
    pub service: ServiceName,
    /// The account there, as the owner calls it.
    pub account: AccountName,
    /// Who in the organization may borrow it.
    pub sharing: SharingRule,
    /// Whether the credential was there before.
    pub reconnects: bool,
    /// What it connects, or connected.
    pub credential_id: Option<CredentialId>,
    /// The fields that were known before; no secrets.
    pub start: Map<String, Value>,
    /// The principal that made it, and confirms.
    pub requested_by: String,
    /// That one's name.
    pub requester: String,
    /// How far it got.
    pub state: LinkState,
    /// Why it failed.
    pub failure: Option<String>,
    /// Digest of the cookie of the browser that opened it first.
    pub browser: Option<String>,
    /// The account that was reached.
    pub identity: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// When nobody can go on with it any more; a reached account is confirmed later too.
    pub expires_at: Instant,
}

impl ConnectLink {
    /// Whether a browser may still go on to the service by it.
    #[must_use]
    pub fn is_usable(&self, now: Instant) -> bool {
        now < self.expires_at && matches!(self.state, LinkState::Open | LinkState::Begun)
    }

    /// Whether this is the browser that opened it first, or nobody did yet.
    #[must_use]
    pub fn admits(&self, browser: &str) -> bool {
        self.browser.as_deref().is_none_or(|first| first == browser)
    }
}

/// How long a link is good for.
pub const LINK_SECONDS: i64 = 600;
/// How long an account that was reached waits to be confirmed.
pub const CONFIRM_SECONDS: i64 = 86_400;
