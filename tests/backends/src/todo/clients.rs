//! OAuth clients. The real application lets anybody make them; here it takes the admin's token.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::{ADMIN_TOKEN, SCOPES, Todo, refused, unprocessable};
use crate::stage::{answer, call::Call, random};

/// Who may ask for tokens.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// With blanks between.
    pub(crate) scopes: String,
}

impl Client {
    pub(crate) fn new(id: &str, secret: &str, scopes: &str) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned(), scopes: scopes.to_owned() }
    }
}

impl Todo {
    /// `POST /api/v1/oauth/clients?client_name=&scopes=`: both must be there, `scopes` may be empty.
    pub(super) fn create_client(&self, call: &Call) -> Response {
        if call.bearer() != Some(ADMIN_TOKEN) {
            return refused(StatusCode::FORBIDDEN, "Not authenticated");
        }
        let (Some(name), Some(scopes)) = (call.query("client_name"), call.query("scopes")) else {
            return unprocessable(&["query", "client_name"], "Field required", "missing");
        };
        let scopes = if scopes.is_empty() { SCOPES } else { scopes };
        let client = Client::new(&random::url_safe::<32>(), &random::url_safe::<64>(), scopes);
        let listed: Vec<&str> = scopes.split_whitespace().collect();
        let answer = json!({
            "client_id": client.id, "client_secret": client.secret, "client_name": name, "scopes": listed,
        });
        self.state().clients.push(client);
        answer::ok(answer)
    }
}
