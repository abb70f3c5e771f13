//! Tokens: the proof a caller carries, and whether it still proves anything.

use std::fmt;

use super::{
    id::{ClientId, TokenId, UserId},
    instant::Instant,
    named::named,
    owner::Owner,
    principal::Principal,
    scope::ScopeSet,
};
use std::str::FromStr;

named! {
    /// The two kinds.
    TokenKind, "token kind":
    /// A signed JWT (RFC 9068) that a client got from the token endpoint.
    Access = "access";
    /// Opaque, `mcp_…`, long-lived, of a user.
    Mcp = "mcp";
}

/// A token, as issued. The row exists before the token leaves the broker; of an MCP token it keeps a digest only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id: the `jti` of an access token.
    pub id: TokenId,
    /// Which kind.
    pub kind: TokenKind,
    /// The client that it was issued to; none for MCP tokens.
    pub client_id: Option<ClientId>,
    /// The user it acts for; none for clients of organizations.
    pub user_id: Option<UserId>,
    /// Whose credentials it reaches.
    pub owner: Owner,
    /// For people; empty for access tokens.
    pub name: String,
    /// What it lets its bearer do.
    pub scopes: ScopeSet,
    /// The resource server it is for (RFC 8707); the broker's own URL unless another was asked for.
    pub audience: String,
    /// An access token: the client's epoch at issuance. An MCP token: its own, raised by each change.
    pub epoch: i64,
    /// When it was issued.
    pub issued_at: Instant,
    /// When it runs out; never for some MCP tokens.
    pub expires_at: Option<Instant>,
    /// How often it may be used; without limit when none.
    pub max_usages: Option<i64>,
}

impl Token {
    /// The principal that a bearer is.
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        let person = self.user_id.map(Principal::User);
        let operator = (self.owner == Owner::System).then_some(Principal::Operator(self.id));
        self.client_id.map(Principal::Client).or(person).or(operator)
    }
}

/// What was true of a token when it was read; [`TokenFacts::stands`] judges it by what is true now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenReading {
    /// The epoch it was read at: see [`Token::epoch`].
    pub epoch: i64,
    /// Of an access token: how often a signing key had been withdrawn when its signature was checked.
    pub withdrawals: Option<i64>,
}

/// What the database says about a token at the moment of its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenFacts {
    /// The token.
    pub id: TokenId,
    /// Not deactivated and not revoked.
    pub active: bool,
    /// When it runs out.
    pub expires_at: Option<Instant>,
    /// Its epoch now: of an access token, its client's.
    pub epoch: i64,
    /// Its client, user and owner are all active.
    pub holder_active: bool,
    /// Uses left, when limited.
    pub uses_left: Option<i64>,
    /// The epoch of the text before the present one, and until when that text is still good.
    pub previous: Option<(i64, Instant)>,
    /// How often a signing key was withdrawn before its time.
    pub withdrawals: i64,
}

named! {
    /// Why a token is refused.
    TokenRefusal, "token refusal":
    /// Its client, user or organization is not active.
    HolderInactive = "holder_inactive";
    /// It has run out.
    Expired = "token_expired";
    /// It was deactivated or revoked.
    Revoked = "token_revoked";
    /// Its client changed since it was issued, or its text was replaced.
    StaleEpoch = "token_stale";
    /// A signing key was withdrawn since its signature was checked: it may have been that one.
    StaleSignature = "token_signature_stale";
    /// It was used as often as it may be.
    UsedUp = "token_usage_limit_exceeded";
    /// No such token.
    Unknown = "token_unknown";
}

named! {
    /// Why a caller is not believed, before what a token stands for is looked at.
    Disbelief, "reason of a failed authentication":
    /// The client is unknown, its secret is wrong, or it is switched off.
    InvalidClient = "invalid_client";
    /// What was shown is no token of this broker.
    InvalidToken = "invalid_token";
    /// The header is not `Bearer` and a token.
    MalformedHeader = "malformed_header";
    /// No token was shown.
    MissingToken = "missing_token";
    /// The token is for somebody else to read.
    WrongAudience = "wrong_audience";
}

/// Every reason of a failed authentication, as it is counted.
pub fn authentication_failures() -> impl Iterator<Item = &'static str> {
    let disbelieved = Disbelief::ALL.iter().map(|reason| reason.as_str());
    disbelieved.chain(TokenRefusal::ALL.iter().map(|reason| reason.as_str()))
}

impl TokenFacts {
    /// Whether a token that was read so still proves its bearer.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn stands(&self, reading: TokenReading, now: Instant) -> Result<(), TokenRefusal> {
        if !self.active {
            Err(TokenRefusal::Revoked)
        } else if self.expires_at.is_some_and(|at| at <= now) {
            Err(TokenRefusal::Expired)
        } else if !self.holder_active {
            Err(TokenRefusal::HolderInactive)
        } else if self.epoch != reading.epoch && !self.overlaps(reading.epoch, now) {
            Err(TokenRefusal::StaleEpoch)
        } else if reading.withdrawals.is_some_and(|seen| seen != self.withdrawals) {
            Err(TokenRefusal::StaleSignature)
        } else {
            Ok(())
        }
    }

    /// Whether it was read by the text before the present one, which is still good.
    fn overlaps(&self, epoch: i64, now: Instant) -> bool {
        self.previous.is_some_and(|(previous, until)| previous == epoch && now < until)
    }
}
