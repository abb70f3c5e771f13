//! A generic OAuth 2.0 server: authorization code with PKCE, refresh with rotation, client credentials, revocation
//! (RFC 7009), introspection (RFC 7662), who the account is, and metadata (RFC 8414).

mod authorize;
mod clients;
mod inspect;
mod options;
mod page;
mod token;

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard},
};

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::json;

pub use options::{Account, CLIENT_ID, CLIENT_SECRET, Client, OAuthSwitches, Options, SecretIn, TokenBody};

use crate::{
    grants::{Grant, Grants, Pair, Terms},
    stage::{
        Backend, Ended, Running, Stage, Switches, answer, call::Call, limits::Window, lock, random, running,
        switches::Switchboard,
    },
};
use authorize::Code;

/// The stand-in.
#[derive(Debug)]
pub struct OAuth {
    stage: Stage,
    clients: Vec<Client>,
    accounts: Vec<Account>,
    switches: Switches<OAuthSwitches>,
    state: Mutex<State>,
}

/// Tokens of a grant.
#[derive(Debug, Clone)]
pub struct OAuthTokens {
    /// For calls.
    pub access_token: String,
    /// For new tokens.
    pub refresh_token: String,
}

#[derive(Debug, Default)]
struct State {
    codes: HashMap<String, Code>,
    grants: Grants,
    /// Requests of the last minute.
    minute: Window,
    /// What clients got by requests that may be repeated, by client and `Idempotency-Key`.
    repeatable: HashMap<(String, String), Pair>,
}

impl OAuth {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Running<Self>> {
        let Options { listen, clients, accounts, switches } = options;
        let switches = Switches::new(switches);
        running::start(listen, |stage| Self { stage, clients, accounts, switches, state: Mutex::default() })
            .await
    }

    /// Its switches.
    #[must_use]
    pub const fn switches(&self) -> &Switches<OAuthSwitches> {
        &self.switches
    }

    /// The URL of one of its endpoints: `authorize`, `token`, `revoke`, `introspect`, `userinfo`.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.stage.url)
    }

    /// Tokens of a new grant of the first client by this account, without the way through a browser.
    #[must_use]
    pub fn grant(&self, account: &str) -> OAuthTokens {
        let client = self.clients.first().map_or_else(String::new, |client| client.id.clone());
        let pair = self.open(Grant { client, account: Some(account.to_owned()), scope: String::new() });
        OAuthTokens { access_token: pair.access, refresh_token: pair.refresh.unwrap_or_default() }
    }

    /// Ends every grant of an account, as when its owner withdraws the consent.
    pub fn withdraw(&self, account: &str) {
        self.state().grants.end_where(|grant| grant.account.as_deref() == Some(account));
    }

    /// Counts a request; the refusal, if it comes too fast.
    fn too_many(&self) -> Option<Response> {
        let limit = self.switches.now().minute_limit?;
        if self.state().minute.take(limit, MINUTE_MS, self.stage.clock.millis()) {
            return None;
        }
        self.stage.counters.count(|counts| &mut counts.rate_limited);
        let refusal =
            answer::json(StatusCode::TOO_MANY_REQUESTS, json!({ "error": "temporarily_unavailable" }));
        Some(answer::with_header(refusal, "retry-after", "60"))
    }

    /// A new grant: with a refresh token, if an account gave it.
    fn open(&self, grant: Grant) -> Pair {
        self.stage.counters.count(|counts| &mut counts.tokens_issued);
        let (terms, now) = (self.terms(), self.stage.clock.now());
        let grants = &mut self.state().grants;
        if grant.account.is_some() {
            grants.open(grant, terms, now)
        } else {
            grants.open_access(grant, terms, now)
        }
    }

    fn terms(&self) -> Terms {
        let switches = self.switches.now();
        let (mut access, mut refresh) = (random::url_safe::<32>(), random::url_safe::<32>());
        if switches.awkward_tokens {
            // A blank or an ampersand could not stand in an `Authorization` header.
            access.push_str("~+/=");
            refresh.push_str("+/=&% ~");
        }
        Terms { access, refresh, access_s: switches.access_s, refresh_s: switches.refresh_s }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Backend for OAuth {
    fn answer(&self, call: &Call) -> Response {
        if let Some(refusal) = self.too_many() {
            return refusal;
        }
        match (&call.method, call.segments().as_slice()) {
            (&Method::GET, ["authorize"]) => self.authorize(call),
            (&Method::POST, ["authorize"]) => self.decide(call),
            (&Method::POST, ["token"]) => self.token(call),
            (&Method::POST, ["revoke"]) => self.revoke(call),
            (&Method::POST, ["introspect"]) => self.introspect(call),
            (&Method::GET | &Method::POST, ["userinfo"]) => self.userinfo(call),
            (&Method::GET, [".well-known", "oauth-authorization-server"]) => self.metadata(),
            _ => answer::json(StatusCode::NOT_FOUND, json!({ "error": "not_found" })),
        }
    }

    fn reset(&self) {
        *self.state() = State::default();
    }

    fn switches(&self) -> &dyn Switchboard {
        &self.switches
    }

    fn live_tokens(&self) -> usize {
        self.state().grants.live(self.stage.clock.now())
    }

    fn end(&self, tokens: Ended) {
        let grants = &mut self.state().grants;
        match tokens {
            Ended::Access => grants.end_access(),
            Ended::Grants => grants.end_where(|_| true),
        }
    }
}

const MINUTE_MS: i64 = 60_000;
