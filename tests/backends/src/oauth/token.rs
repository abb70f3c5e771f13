//! The token endpoint.

use axum::response::Response;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest;
use serde_json::json;

use super::{
    Client, OAuth, TokenBody,
    clients::{error, invalid_client, scope_within},
};
use crate::{
    grants::{Grant, Pair, Refreshed, Refused},
    stage::{
        answer,
        call::{Call, Pairs, find},
    },
};

impl OAuth {
    /// `POST /token`.
    pub(super) fn token(&self, call: &Call) -> Response {
        let parameters = call.parameters();
        let grant_type = find(&parameters, "grant_type").unwrap_or_default();
        if grant_type == "refresh_token" {
            self.stage.counters.count(|counts| &mut counts.refresh_calls);
        }
        let well_formed = match self.switches.now().token_body {
            TokenBody::Either => true,
            TokenBody::Form => call.is_form(),
            TokenBody::Json => !call.is_form(),
        };
        if !well_formed {
            return error("invalid_request", "the body is written in another way here");
        }
        let Some(client) = self.authenticated(call, &parameters) else { return invalid_client() };
        match grant_type {
            "authorization_code" => self.exchange(client, &parameters),
            "refresh_token" => self.refresh(client, &parameters),
            "client_credentials" => {
                self.client_credentials(client, &parameters, call.header("idempotency-key"))
            }
            _ => error("unsupported_grant_type", "not offered here"),
        }
    }

    fn exchange(&self, client: &Client, parameters: &Pairs) -> Response {
        let code = find(parameters, "code").and_then(|code| self.state().codes.remove(code));
        let redirect_uri = find(parameters, "redirect_uri");
        let code = code.filter(|code| {
            code.client == client.id
                && code.ends > self.stage.clock.now()
                && Some(code.redirect_uri.as_str()) == redirect_uri
                && verifies(code.challenge.as_deref(), find(parameters, "code_verifier"))
        });
        let Some(code) = code else {
            return error("invalid_grant", "the code is wrong, used, too old, or not for this client");
        };
        let grant = Grant { client: client.id.clone(), account: Some(code.account), scope: code.scope };
        self.tokens(&self.open(grant), true)
    }

    fn refresh(&self, client: &Client, parameters: &Pairs) -> Response {
        let token = find(parameters, "refresh_token").unwrap_or_default();
        let (terms, now) = (self.terms(), self.stage.clock.now());
        let rotation = self.switches.now().rotation;
        let refreshed = self.state().grants.refresh(token, Some(&client.id), rotation, terms, now);
        let counters = &self.stage.counters;
        match refreshed {
            Ok(Refreshed::Anew(pair)) => {
                counters.count(|counts| &mut counts.refreshes);
                counters.count(|counts| &mut counts.tokens_issued);
                // One that stays is not repeated: the client keeps it, as RFC 6749, section 6, has it.
                self.tokens(&pair, pair.refresh.as_deref() != Some(token))
            }
            Ok(Refreshed::Again(pair)) => {
                counters.count(|counts| &mut counts.refresh_repeats);
                self.tokens(&pair, true)
            }
            Err(refused) => {
                if refused == Refused::Reused {
                    counters.count(|counts| &mut counts.refresh_reuses);
                }
                error("invalid_grant", "the refresh token is wrong, used, or too old")
            }
        }
    }

    /// A request that comes again with its `Idempotency-Key` gets the same token, which costs no other.
    fn client_credentials(&self, client: &Client, parameters: &Pairs, key: Option<&str>) -> Response {
        if client.secret.is_none() {
            return error("unauthorized_client", "a public client has no credentials");
        }
        let Some(scope) = scope_within(client, find(parameters, "scope").unwrap_or_default()) else {
            return error("invalid_scope", "more than this client may ask for");
        };
        let key = key.map(|key| (client.id.clone(), key.to_owned()));
        if let Some(pair) = key.as_ref().and_then(|key| self.state().repeatable.get(key).cloned()) {
            self.stage.counters.count(|counts| &mut counts.refresh_repeats);
            return self.tokens(&pair, false);
        }
        if self.switches.now().one_token_per_client {
            self.state().grants.end_where(|grant| grant.client == client.id && grant.account.is_none());
        }
        let pair = self.open(Grant { client: client.id.clone(), account: None, scope });
        if let Some(key) = key {
            self.state().repeatable.insert(key, pair.clone());
        }
        self.tokens(&pair, false)
    }

    fn tokens(&self, pair: &Pair, with_refresh: bool) -> Response {
        let switches = self.switches.now();
        let mut body =
            json!({ "access_token": pair.access, "token_type": "Bearer", "scope": pair.grant.scope });
        if let Some(fields) = body.as_object_mut() {
            let expires_in = pair.access_ends - self.stage.clock.now();
            if switches.text_expires_in {
                fields.insert("expires_in".to_owned(), json!(expires_in.to_string()));
            } else if !switches.omit_expires_in {
                fields.insert("expires_in".to_owned(), json!(expires_in));
            }
            if with_refresh {
                fields
                    .extend(pair.refresh.iter().map(|refresh| ("refresh_token".to_owned(), json!(refresh))));
            }
        }
        answer::with_header(answer::ok(body), "cache-control", "no-store")
    }
}

/// Whether the verifier is the challenge's; a code without one wants none.
fn verifies(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
            BASE64_URL_SAFE_NO_PAD.encode(digest) == challenge
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_of_rfc_7636_verifies() {
        let challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(super::verifies(challenge, Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
        assert!(!super::verifies(challenge, Some("another")) && !super::verifies(challenge, None));
    }
}
