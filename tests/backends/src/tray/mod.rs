//! Tray Commerce: authorization by redirect, tokens in an envelope of its own, and a store's resources.
//!
//! Stores differ by host; here they differ by path: `/s/{store}` is a store's host, `/s/{store}/web_api` its API.

mod answers;
mod authorize;
mod bodies;
mod gate;
mod lists;
mod options;
mod orders;
mod resources;
mod samples;
mod shop;
mod webhooks;

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard},
};

use axum::response::Response;

pub use options::{
    App, CONSUMER_KEY, CONSUMER_SECRET, CountedBy, Envelope, Options, Paths, STORES, StoreStatus,
    TraySwitches,
};

use crate::{
    grants::{Grant, Grants, Pair, Terms},
    stage::{
        Backend, Ended, Running, Stage, Switches, call::Call, limits::Window, lock, random, running,
        switches::Switchboard,
    },
};
use authorize::Code;
use shop::Shop;

/// The stand-in.
#[derive(Debug)]
pub struct Tray {
    stage: Stage,
    stores: Vec<String>,
    apps: Vec<App>,
    switches: Switches<TraySwitches>,
    state: Mutex<State>,
}

/// What a store's token endpoint gave out.
#[derive(Debug, Clone)]
pub struct TrayTokens {
    /// For calls.
    pub access_token: String,
    /// For new tokens.
    pub refresh_token: String,
}

#[derive(Debug, Default)]
struct State {
    codes: HashMap<String, Code>,
    grants: Grants,
    shops: HashMap<String, Shop>,
    /// Calls of the last minute, by store, or of all of them.
    minutes: HashMap<String, Window>,
    days: HashMap<String, Window>,
}

impl Tray {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Running<Self>> {
        let Options { listen, stores, apps, switches } = options;
        running::start(listen, |stage| Self {
            stage,
            stores,
            apps,
            switches: Switches::new(switches),
            state: Mutex::default(),
        })
        .await
    }

    /// Its switches.
    #[must_use]
    pub const fn switches(&self) -> &Switches<TraySwitches> {
        &self.switches
    }

    /// What the callback names as the store's host.
    #[must_use]
    pub fn store_host(&self, store: &str) -> String {
        format!("{}/s/{store}", self.stage.url)
    }

    /// The store's API address.
    #[must_use]
    pub fn api_address(&self, store: &str) -> String {
        format!("{}/web_api", self.store_host(store))
    }

    /// Blocks a store, or makes it active again.
    pub fn set_status(&self, store: &str, status: StoreStatus) {
        self.switches.change(|switches| {
            switches.status.insert(store.to_owned(), status);
        });
    }

    /// Tokens of a new grant of the first app, without the way through a browser.
    #[must_use]
    pub fn grant(&self, store: &str) -> TrayTokens {
        let (key, code) =
            self.apps.first().map_or_else(Default::default, |app| (app.consumer_key.clone(), app.app_code));
        let pair = self.open_grant(store, key, code);
        TrayTokens { access_token: pair.access, refresh_token: pair.refresh.unwrap_or_default() }
    }

    /// Ends every grant of a store, as when its owner removes the app.
    pub fn uninstall(&self, store: &str) {
        self.state().grants.end_where(|grant| grant.account.as_deref() == Some(store));
    }

    fn open_grant(&self, store: &str, client: String, app_code: u32) -> Pair {
        let grant = Grant { client, account: Some(store.to_owned()), scope: String::new() };
        let terms = self.terms(store, app_code);
        self.stage.counters.count(|counts| &mut counts.tokens_issued);
        self.state().grants.open(grant, terms, self.stage.clock.now())
    }

    fn terms(&self, store: &str, app_code: u32) -> Terms {
        let switches = self.switches.now();
        Terms {
            access: format!("APP_ID-{app_code}-STORE_ID-{store}-{}", random::hex::<32>()),
            refresh: random::hex::<32>(),
            access_s: switches.access_s,
            refresh_s: switches.refresh_s,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Backend for Tray {
    fn answer(&self, call: &Call) -> Response {
        match call.segments().as_slice() {
            ["s", store, rest @ ..] if self.stores.iter().any(|known| known == store) => match rest {
                ["auth.php"] => self.authorize(call, store),
                ["web_api", "auth"] => self.auth(call, store),
                ["web_api", "web_api", rest @ ..] => self.doubled(call, store, rest),
                ["web_api", rest @ ..] => self.resource(call, store, rest),
                _ => answers::not_found(call),
            },
            _ => answers::not_found(call),
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
