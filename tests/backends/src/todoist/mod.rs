//! Todoist, as much as validating a token takes: `GET /api/v1/projects`, and the version before, which is gone.

use std::io;

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::stage::{
    Backend, Listen, Running, Stage, Switches, answer, call::Call, running, switches::Switchboard,
};

/// The token that is accepted unless others are given.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

/// The stand-in.
#[derive(Debug)]
pub struct Todoist {
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

impl Todoist {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Running<Self>> {
        let Options { listen, tokens } = options;
        running::start(listen, |stage| Self { stage, tokens, switches: Switches::new(Map::new()) }).await
    }
}

impl Backend for Todoist {
    fn answer(&self, call: &Call) -> Response {
        let token = call.bearer().unwrap_or_default();
        self.stage.counters.call_with(token);
        match (&call.method, call.segments().as_slice()) {
            (_, ["rest", "v2", ..]) => {
                answer::text(StatusCode::GONE, "This endpoint is deprecated".to_owned())
            }
            _ if !self.tokens.iter().any(|known| known == token) => answer::json(
                StatusCode::UNAUTHORIZED,
                json!({ "error": "Unauthorized", "error_code": 477, "http_code": 401 }),
            ),
            (&Method::GET, ["api", "v1", "projects"]) => answer::ok(json!({
                "results": [{ "id": "6XGgm6PHrGgMpCFX", "name": "Inbox" }], "next_cursor": null,
            })),
            _ => answer::json(StatusCode::NOT_FOUND, json!({ "error": "Not found", "http_code": 404 })),
        }
    }

    fn reset(&self) {}

    fn switches(&self) -> &dyn Switchboard {
        &self.switches
    }
}
