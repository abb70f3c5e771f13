//! The token endpoint: Basic authentication and a body of JSON, unlike RFC 6749.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::{Todo, refused, unprocessable};
use crate::{
    grants::{Grant, Terms},
    stage::{
        answer,
        call::{Call, find},
        random,
        secrets::form_decoded,
    },
};

impl Todo {
    /// `POST /oauth/token`.
    pub(super) fn token(&self, call: &Call) -> Response {
        let switches = self.switches.now();
        let Some((id, secret)) = call.basic() else { return challenged("Not authenticated") };
        if call.is_form() && !switches.form_body {
            return unprocessable(&["body"], "Input should be a valid dictionary", "model_attributes_type");
        }
        let parameters = call.parameters();
        let Some(grant_type) = find(&parameters, "grant_type") else {
            return unprocessable(&["body", "grant_type"], "Field required", "missing");
        };
        if grant_type != "client_credentials" {
            return refused(StatusCode::BAD_REQUEST, "Unsupported grant type");
        }
        let scope = find(&parameters, "scope").unwrap_or_default();
        let state = &mut *self.state();
        let client = state.clients.iter().find(|client| client.id == id || client.id == form_decoded(&id));
        let Some(client) =
            client.filter(|known| known.secret == secret || known.secret == form_decoded(&secret))
        else {
            return challenged("Invalid client credentials");
        };
        let allowed: Vec<&str> = client.scopes.split_whitespace().collect();
        if let Some(wrong) = scope.split_whitespace().find(|asked| !allowed.contains(asked)) {
            return refused(StatusCode::BAD_REQUEST, &format!("Invalid scope: {wrong}"));
        }
        if switches.one_token_per_client {
            state.grants.end_where(|grant| grant.client == client.id);
        }
        let terms = Terms {
            access: random::url_safe::<32>(),
            refresh: String::new(),
            access_s: switches.access_s,
            refresh_s: 0,
        };
        // An empty scope stays empty: the client's own is no default.
        let grant = Grant { client: client.id.clone(), account: None, scope: scope.to_owned() };
        let pair = state.grants.open_access(grant, terms, self.stage.clock.now());
        self.stage.counters.count(|counts| &mut counts.tokens_issued);
        answer::ok(json!({
            "access_token": pair.access, "token_type": "Bearer", "expires_in": switches.access_s, "scope": scope,
        }))
    }
}

fn challenged(detail: &str) -> Response {
    answer::with_header(refused(StatusCode::UNAUTHORIZED, detail), "www-authenticate", "Basic")
}
