//! The authorization endpoint: an account consents, and the browser goes back with a code.

use axum::response::Response;
use http::StatusCode;
use url::Url;

use super::{Client, OAuth, clients, page};
use crate::stage::{
    answer,
    call::{Call, Pairs, find},
    loopback::is_loopback,
    random,
};

/// A code that was not exchanged yet.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) account: String,
    pub(crate) scope: String,
    /// PKCE, by S256.
    pub(crate) challenge: Option<String>,
    pub(crate) ends: i64,
}

/// A request that may be answered by redirecting.
struct Request<'a> {
    client: &'a Client,
    redirect_uri: Url,
    /// As it was sent, which is what the exchange must repeat.
    sent_uri: &'a str,
    parameters: &'a Pairs,
}

impl OAuth {
    /// `GET`: `account=` consents as that account without a page; otherwise a page asks.
    pub(super) fn authorize(&self, call: &Call) -> Response {
        let request = match self.request(&call.query) {
            Ok(request) => request,
            Err(reason) => return refused(reason),
        };
        if let Err(error) = self.check(&request) {
            return request.back(&[("error", error)]);
        }
        match find(&call.query, "account") {
            Some(account) => self.consent(&request, account),
            None => page::consent(&request.client.id, &self.accounts, &call.query),
        }
    }

    /// `POST`: what the page sends.
    pub(super) fn decide(&self, call: &Call) -> Response {
        let form = call.form();
        let request = match self.request(&form) {
            Ok(request) => request,
            Err(reason) => return refused(reason),
        };
        if let Err(error) = self.check(&request) {
            return request.back(&[("error", error)]);
        }
        match (find(&form, "decision"), find(&form, "account")) {
            (Some("approve"), Some(account)) => self.consent(&request, account),
            _ => request.back(&[("error", "access_denied")]),
        }
    }

    fn consent(&self, request: &Request<'_>, account: &str) -> Response {
        if !self.accounts.iter().any(|known| known.id == account) {
            return request.back(&[("error", "access_denied")]);
        }
        let code = random::url_safe::<32>();
        let issued = Code {
            client: request.client.id.clone(),
            redirect_uri: request.sent_uri.to_owned(),
            account: account.to_owned(),
            scope: request.find("scope").unwrap_or_default().to_owned(),
            challenge: request.find("code_challenge").map(str::to_owned),
            ends: self.stage.clock.now() + CODE_S,
        };
        self.state().codes.insert(code.clone(), issued);
        request.back(&[("code", &code)])
    }

    /// Client and redirection, without which nobody is sent anywhere.
    fn request<'a>(&'a self, parameters: &'a Pairs) -> Result<Request<'a>, &'static str> {
        let client =
            find(parameters, "client_id").and_then(|id| self.client(id)).ok_or("unknown client_id")?;
        let sent_uri = find(parameters, "redirect_uri").ok_or("redirect_uri is missing")?;
        let redirect_uri = Url::parse(sent_uri).map_err(|_| "redirect_uri is no URL")?;
        let allowed = match client.redirect_uris.as_slice() {
            [] => is_loopback(&redirect_uri),
            known => known.iter().any(|known| known == sent_uri),
        };
        allowed
            .then_some(Request { client, redirect_uri, sent_uri, parameters })
            .ok_or("redirect_uri is not registered")
    }

    fn check(&self, request: &Request<'_>) -> Result<(), &'static str> {
        if request.find("response_type") != Some("code") {
            return Err("unsupported_response_type");
        }
        match (request.find("code_challenge"), request.find("code_challenge_method")) {
            (Some(_), Some("S256")) => {}
            (None, None) if !self.switches.now().require_pkce => {}
            _ => return Err("invalid_request"),
        }
        clients::scope_within(request.client, request.find("scope").unwrap_or_default())
            .ok_or("invalid_scope")?;
        Ok(())
    }
}

impl Request<'_> {
    fn find(&self, name: &str) -> Option<&str> {
        find(self.parameters, name)
    }

    /// Back to the client, with its state.
    fn back(&self, answer: &[(&str, &str)]) -> Response {
        let mut to = self.redirect_uri.clone();
        to.query_pairs_mut()
            .extend_pairs(answer)
            .extend_pairs(self.find("state").map(|state| ("state", state)));
        answer::redirect(StatusCode::FOUND, to.as_str())
    }
}

fn refused(reason: &str) -> Response {
    answer::text(StatusCode::BAD_REQUEST, reason.to_owned())
}

/// How long a code is good for.
const CODE_S: i64 = 60;
