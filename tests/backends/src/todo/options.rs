//! What a todo stand-in starts with, and its switches.

use serde::{Deserialize, Serialize};

use crate::stage::Listen;

/// The client that exists unless others are given.
pub const CLIENT_ID: &str = "stand-in-todo-client";
/// Its secret; with characters that encodings change.
pub const CLIENT_SECRET: &str = "stand-in todo/client+secret=1";
/// The bearer token that may make clients.
pub const ADMIN_TOKEN: &str = "stand-in-todo-admin";
/// What a client may do unless it says otherwise.
pub const SCOPES: &str = "todos:read todos:write";

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub listen: Listen,
    /// Clients that exist: id and secret; each has all scopes.
    pub clients: Vec<(String, String)>,
    /// The switches at the start.
    pub switches: TodoSwitches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            clients: vec![(CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())],
            switches: TodoSwitches::default(),
        }
    }
}

/// What can be switched while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct TodoSwitches {
    /// A new token ends all earlier ones of its client.
    pub one_token_per_client: bool,
    /// The token endpoint takes forms too, not JSON alone.
    pub form_body: bool,
    /// Reading needs `todos:read`, everything else `todos:write`.
    pub enforce_scopes: bool,
    /// `/todos/` wants a session's cookie, as the real application does, and bearer tokens work on `/oauth-todos/`.
    pub cookie_only: bool,
    /// Seconds that tokens last.
    pub access_s: i64,
}

impl Default for TodoSwitches {
    fn default() -> Self {
        Self {
            one_token_per_client: true,
            form_body: false,
            enforce_scopes: false,
            cookie_only: false,
            access_s: 3_600,
        }
    }
}
