//! Jira Cloud, as much as validating a token takes: `GET /rest/api/3/myself` with Basic authentication.

use std::io;

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::stage::{
    Backend, Listen, Running, Stage, Switches, answer, call::Call, running, switches::Switchboard,
};

/// The account that exists unless others are given.
pub const EMAIL: &str = "jira@dev-team.local";
/// Its API token.
pub const API_TOKEN: &str = "ATATT3stand-in-jira-token";

/// The stand-in.
#[derive(Debug)]
pub struct Jira {
    stage: Stage,
    accounts: Vec<(String, String)>,
    /// It has none.
    switches: Switches<Map<String, Value>>,
}

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub listen: Listen,
    /// Addresses and API tokens that are accepted.
    pub accounts: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: Listen::default(), accounts: vec![(EMAIL.to_owned(), API_TOKEN.to_owned())] }
    }
}

impl Jira {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Running<Self>> {
        let Options { listen, accounts } = options;
        running::start(listen, |stage| Self { stage, accounts, switches: Switches::new(Map::new()) }).await
    }
}

impl Backend for Jira {
    fn answer(&self, call: &Call) -> Response {
        let account = call.basic().unwrap_or_default();
        self.stage.counters.call_with(&account.1);
        match (&call.method, call.segments().as_slice()) {
            _ if !self.accounts.contains(&account) => {
                let text = "Client must be authenticated to access this resource.";
                let refusal = answer::text(StatusCode::UNAUTHORIZED, text.to_owned());
                answer::with_header(refusal, "www-authenticate", "OAuth realm=\"stand-in\"")
            }
            (&Method::GET, ["rest", "api", "3", "myself"]) => answer::ok(json!({
                "accountId": "5b10a2844c20165700ede21g", "accountType": "atlassian", "active": true,
                "displayName": account.0, "emailAddress": account.0,
            })),
            _ => answer::json(StatusCode::NOT_FOUND, json!({ "errorMessages": ["Not found"], "errors": {} })),
        }
    }

    fn reset(&self) {}

    fn switches(&self) -> &dyn Switchboard {
        &self.switches
    }
}
