//! What is asked about tokens, and done to them: revocation, introspection, whose they are; and the server's metadata.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::{OAuth, clients::invalid_client};
use crate::stage::{
    answer,
    call::{Call, find},
};

impl OAuth {
    /// RFC 7009: status 200 for unknown tokens too.
    pub(super) fn revoke(&self, call: &Call) -> Response {
        let parameters = call.parameters();
        let Some(client) = self.authenticated(call, &parameters) else { return invalid_client() };
        let token = find(&parameters, "token").unwrap_or_default();
        if self.state().grants.revoke(token, &client.id) {
            self.stage.counters.count(|counts| &mut counts.revocations);
        }
        answer::text(StatusCode::OK, String::new())
    }

    /// RFC 7662.
    pub(super) fn introspect(&self, call: &Call) -> Response {
        let parameters = call.parameters();
        if self.authenticated(call, &parameters).is_none() {
            return invalid_client();
        }
        let token = find(&parameters, "token").unwrap_or_default();
        let (state, now) = (self.state(), self.stage.clock.now());
        let found = state.grants.accept(token, now).ok().map(|found| (found, "Bearer"));
        let found =
            found.or_else(|| state.grants.peek_refresh(token, now).map(|found| (found, "refresh_token")));
        let Some(((grant, ends), kind)) = found else { return answer::ok(json!({ "active": false })) };
        let subject = grant.account.as_ref().unwrap_or(&grant.client);
        answer::ok(json!({
            "active": true, "client_id": grant.client, "sub": subject, "username": grant.account,
            "scope": grant.scope, "exp": ends, "token_type": kind, "iss": self.stage.url,
        }))
    }

    /// Whose the token is; a client's own token is the client's.
    pub(super) fn userinfo(&self, call: &Call) -> Response {
        let Some(token) = call.bearer() else { return unauthorized("") };
        self.stage.counters.call_with(token);
        let state = self.state();
        let Ok((grant, _)) = state.grants.accept(token, self.stage.clock.now()) else {
            return unauthorized(", error=\"invalid_token\"");
        };
        let account =
            grant.account.as_ref().and_then(|id| self.accounts.iter().find(|known| known.id == *id));
        answer::ok(match account {
            Some(account) => json!({ "sub": account.id, "email": account.email, "name": account.name }),
            None => json!({ "sub": grant.account.as_ref().unwrap_or(&grant.client) }),
        })
    }

    /// RFC 8414.
    pub(super) fn metadata(&self) -> Response {
        answer::ok(json!({
            "issuer": self.stage.url,
            "authorization_endpoint": self.endpoint("authorize"),
            "token_endpoint": self.endpoint("token"),
            "revocation_endpoint": self.endpoint("revoke"),
            "introspection_endpoint": self.endpoint("introspect"),
            "userinfo_endpoint": self.endpoint("userinfo"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        }))
    }
}

fn unauthorized(error: &str) -> Response {
    let answer = answer::json(StatusCode::UNAUTHORIZED, json!({ "error": "invalid_token" }));
    answer::with_header(answer, "www-authenticate", &format!("Bearer realm=\"stand-in\"{error}"))
}
