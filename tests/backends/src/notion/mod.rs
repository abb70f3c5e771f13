//! Notion, as much as validating a token takes: `GET /v1/users/me`, with a token and a version.

use std::io;

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::stage::{
    Backend, Listen, Running, Stage, Switches, answer, call::Call, running, switches::Switchboard,
};

/// The token that is accepted unless others are given.
pub const TOKEN: &str = "ntn_stand-in-notion-token";

/// The stand-in.
#[derive(Debug)]
pub struct Notion {
    stage: Stage,
    tokens: Vec<String>,
    /// It has none.
    switches: Switches<Map<String, Value>>,
}

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub listen: Listen,
    /// Tokens that are accepted.
    pub tokens: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: Listen::default(), tokens: vec![TOKEN.to_owned()] }
    }
}

impl Notion {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Running<Self>> {
        let Options { listen, tokens } = options;
        running::start(listen, |stage| Self { stage, tokens, switches: Switches::new(Map::new()) }).await
    }
}

impl Backend for Notion {
    fn answer(&self, call: &Call) -> Response {
        let token = call.bearer().unwrap_or_default();
        self.stage.counters.call_with(token);
        match (&call.method, call.segments().as_slice()) {
            _ if !self.tokens.iter().any(|known| known == token) => {
                refused(StatusCode::UNAUTHORIZED, "unauthorized", "API token is invalid.")
            }
            _ if call.header("notion-version").is_none() => refused(
                StatusCode::BAD_REQUEST,
                "missing_version",
                "Notion-Version header failed validation: Notion-Version header should be defined.",
            ),
            (&Method::GET, ["v1", "users", "me"]) => answer::ok(json!({
                "object": "user", "id": "6794760a-1f15-45cd-9c65-0dfe42f5135a", "type": "bot", "name": "Stand-in",
                "bot": { "owner": { "type": "workspace", "workspace": true }, "workspace_name": "Dev Team" },
            })),
            _ => refused(StatusCode::NOT_FOUND, "object_not_found", "Could not find it."),
        }
    }

    fn reset(&self) {}

    fn switches(&self) -> &dyn Switchboard {
        &self.switches
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "object": "error", "status": status.as_u16(), "code": code, "message": message });
    answer::json(status, body)
}
