//! What an authorization server starts with, and its switches.

use serde::{Deserialize, Serialize};

use crate::{grants::Rotation, stage::Listen};

/// The client that is known unless others are given.
pub const CLIENT_ID: &str = "stand-in-oauth-client";
/// Its secret; with characters that encodings change.
pub const CLIENT_SECRET: &str = "stand-in oauth/client+secret=1";

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub listen: Listen,
    /// Clients that are registered.
    pub clients: Vec<Client>,
    /// Accounts that may consent.
    pub accounts: Vec<Account>,
    /// The switches at the start.
    pub switches: OAuthSwitches,
}

/// A registered client.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its secret; a public client has none.
    pub secret: Option<String>,
    /// Where it may be redirected to, compared as texts; any loopback address if it names none.
    pub redirect_uris: Vec<String>,
    /// Scopes it may ask for, with blanks between; any if it names none.
    pub scopes: String,
}

/// Somebody who may consent.
#[derive(Debug, Clone)]
pub struct Account {
    /// What `sub` says, and `?account=`.
    pub id: String,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
}

impl Client {
    /// A confidential client that may ask for anything, and be redirected anywhere on loopback.
    #[must_use]
    pub fn new(id: &str, secret: &str) -> Self {
        let secret = Some(secret.to_owned());
        Self { id: id.to_owned(), secret, redirect_uris: Vec::new(), scopes: String::new() }
    }
}

impl Account {
    /// `alice` of `alice@example.test`.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), email: format!("{id}@example.test"), name: id.to_owned() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            clients: vec![Client::new(CLIENT_ID, CLIENT_SECRET)],
            accounts: ["alice", "bob", "carol"].map(Account::new).to_vec(),
            switches: OAuthSwitches::default(),
        }
    }
}

/// Where a client's secret is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretIn {
    /// Basic authentication or the body.
    Either,
    /// Basic authentication alone.
    Basic,
    /// The body alone.
    Body,
}

/// How the body of a token request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenBody {
    /// Form or JSON, as its type says.
    Either,
    /// A form alone, as RFC 6749 has it.
    Form,
    /// JSON alone.
    Json,
}

/// What can be switched while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct OAuthSwitches {
    /// What becomes of used refresh tokens.
    pub rotation: Rotation,
    /// Seconds that access tokens last.
    pub access_s: i64,
    /// Seconds that refresh tokens last.
    pub refresh_s: i64,
    /// A client's new token by `client_credentials` ends the one before.
    pub one_token_per_client: bool,
    /// Refuses authorization without PKCE.
    pub require_pkce: bool,
    /// Where secrets are looked for.
    pub secret_in: SecretIn,
    /// How token requests are written.
    pub token_body: TokenBody,
    /// Leaves `expires_in` out.
    pub omit_expires_in: bool,
    /// `expires_in` is a text.
    pub text_expires_in: bool,
    /// Tokens hold characters that encodings change.
    pub awkward_tokens: bool,
    /// Requests in a minute, of all clients together; 429 with `Retry-After` beyond. `null` is no limit.
    pub minute_limit: Option<usize>,
}

impl Default for OAuthSwitches {
    fn default() -> Self {
        Self {
            rotation: Rotation::Strict,
            access_s: 3_600,
            refresh_s: 30 * 86_400,
            one_token_per_client: false,
            require_pkce: false,
            secret_in: SecretIn::Either,
            token_body: TokenBody::Either,
            omit_expires_in: false,
            text_expires_in: false,
            awkward_tokens: false,
            minute_limit: None,
        }
    }
}
