//! Who the client is that asks, and what it may ask for.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::{Client, OAuth, SecretIn};
use crate::stage::{
    answer,
    call::{Call, Pairs, find},
    secrets::form_decoded,
};

impl OAuth {
    /// The client that a request proves to be from; `None` is answered with [`invalid_client`].
    pub(super) fn authenticated(&self, call: &Call, parameters: &Pairs) -> Option<&Client> {
        let place = self.switches.now().secret_in;
        if let Some((id, secret)) = call.basic() {
            if place == SecretIn::Body {
                return None;
            }
            // Encoded as RFC 6749 has it, or as most clients send it.
            let client = self.client(&id).or_else(|| self.client(&form_decoded(&id)))?;
            let expected = client.secret.as_deref()?;
            return (expected == secret || expected == form_decoded(&secret)).then_some(client);
        }
        let client = self.client(find(parameters, "client_id")?)?;
        match &client.secret {
            None => Some(client),
            Some(_) if place == SecretIn::Basic => None,
            Some(expected) => (find(parameters, "client_secret") == Some(expected)).then_some(client),
        }
    }

    pub(super) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }
}

/// The scope that a client gets when it asks for this one; `None` if that is more than it may.
pub(crate) fn scope_within(client: &Client, asked: &str) -> Option<String> {
    let allowed: Vec<&str> = client.scopes.split_whitespace().collect();
    if asked.is_empty() {
        return Some(client.scopes.clone());
    }
    let within = allowed.is_empty() || asked.split_whitespace().all(|scope| allowed.contains(&scope));
    within.then(|| asked.to_owned())
}

/// An error of RFC 6749, section 5.2.
pub(crate) fn error(code: &str, description: &str) -> Response {
    answer::json(StatusCode::BAD_REQUEST, json!({ "error": code, "error_description": description }))
}

/// 401, with the challenge that the RFC asks for.
pub(crate) fn invalid_client() -> Response {
    let body = json!({ "error": "invalid_client", "error_description": "client authentication failed" });
    let answer = answer::json(StatusCode::UNAUTHORIZED, body);
    answer::with_header(answer, "www-authenticate", "Basic realm=\"stand-in\"")
}
