//! What the token operations take and give, the same for every protocol.

use std::fmt;

use crate::model::{instant::Instant, secret::SecretText};

/// A client's claim to be one: as sent, unchecked.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The `client_id`.
    pub client_id: String,
    /// The `client_secret`.
    pub client_secret: SecretText,
    /// Whether they came by HTTP Basic: a refusal then answers `WWW-Authenticate: Basic`.
    pub basic: bool,
}

/// Asks for an access token (RFC 6749, section 4.4).
#[derive(Debug, Clone)]
pub struct IssueToken {
    /// The client, if it named itself.
    pub client: Option<ClientCredentials>,
    /// Must be `client_credentials`.
    pub grant_type: Option<String>,
    /// Scopes separated by spaces; all the client's when none.
    pub scope: Option<String>,
    /// A registered resource server's URI (RFC 8707); the broker itself when none.
    pub resource: Option<String>,
}

/// An access token.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The signed JWT (RFC 9068).
    pub access_token: SecretText,
    /// Seconds that it is good for.
    pub expires_in: i64,
    /// What it allows.
    pub scope: String,
}

/// What a token is (RFC 7662). Anything that is not live, or not the asking client's to know, is `active: false` alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Introspection {
    /// Whether it stands at this moment.
    pub active: bool,
    /// What it allows.
    pub scope: Option<String>,
    /// The client it was issued to.
    pub client_id: Option<String>,
    /// The principal.
    pub sub: Option<String>,
    /// The resource server it is for.
    pub aud: Option<String>,
    /// The broker.
    pub iss: Option<String>,
    /// When it runs out.
    pub exp: Option<Instant>,
    /// When it was issued.
    pub iat: Option<Instant>,
    /// Its id.
    pub jti: Option<String>,
    /// Whose credentials it reaches.
    pub owner: Option<String>,
}

/// A refusal of the token endpoint (RFC 6749, section 5.2; RFC 8707, section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    /// Which.
    pub code: TokenErrorCode,
    /// For people.
    pub description: String,
    /// Whether the client used HTTP Basic, which decides the challenge.
    pub basic: bool,
    /// When trying again makes sense, in seconds.
    pub retry_after: Option<u32>,
}

/// The codes of token endpoint refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenErrorCode {
    /// Unknown client, wrong secret, or switched off: all alike. 401.
    InvalidClient,
    /// Something is missing, repeated or unreadable. 400.
    InvalidRequest,
    /// A scope is unknown, or not the client's. 400.
    InvalidScope,
    /// The resource is not registered (RFC 8707). 400.
    InvalidTarget,
    /// A fault of the broker. 500.
    ServerError,
    /// Too many requests. 429.
    SlowDown,
    /// The database is not available, or the queue is full. 503.
    TemporarilyUnavailable,
    /// Another grant than `client_credentials`. 400.
    UnsupportedGrantType,
}

impl TokenErrorCode {
    /// The text of the `error` member.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::ServerError => "server_error",
            Self::SlowDown => "slow_down",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }
}

impl TokenError {
    /// A refusal with its text.
    #[must_use]
    pub fn new(code: TokenErrorCode, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), basic: false, retry_after: None }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for TokenError {}
