//! Order Desk: a key per store, a leaky bucket, orders that are replaced as a whole, inventory.

mod envelope;
mod inventory;
mod listing;
mod options;
mod order;
mod orders;
mod parts;
mod shop;
mod webhooks;

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard},
};

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::json;
use time::format_description::BorrowedFormatItem;

pub use options::{API_KEY, Options, OrderDeskSwitches, STORE_ID, WEBHOOK_SECRET, WebhookForm};

use crate::stage::{
    Backend, Running, Stage, Switches, answer, call::Call, clock::date_time, limits::Bucket, lock, running,
    switches::Switchboard,
};
use envelope::{failed, success};
use shop::Shop;

/// The stand-in.
#[derive(Debug)]
pub struct OrderDesk {
    stage: Stage,
    stores: Vec<(String, String)>,
    switches: Switches<OrderDeskSwitches>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shops: HashMap<String, Shop>,
    buckets: HashMap<String, Bucket>,
}

/// A request whose store is known.
struct Asked<'a> {
    call: &'a Call,
    /// `PUT` too, when a `POST` says so in a header.
    method: Method,
    store: &'a str,
    switches: OrderDeskSwitches,
    /// `Y-m-d H:i:s`, UTC.
    now: String,
}

impl OrderDesk {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Running<Self>> {
        let Options { listen, stores, switches } = options;
        let switches = Switches::new(switches);
        running::start(listen, |stage| Self { stage, stores, switches, state: Mutex::default() }).await
    }

    /// Its switches.
    #[must_use]
    pub const fn switches(&self) -> &Switches<OrderDeskSwitches> {
        &self.switches
    }

    /// What clients are configured with.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/api/v2", self.stage.url)
    }

    fn resource(&self, asked: &Asked<'_>, path: &[&str]) -> Response {
        let state = &mut *self.state();
        let shop = state.shops.entry(asked.store.to_owned()).or_insert_with(|| Shop::sample(&asked.now));
        let before = asked.switches.webhook_url.as_ref().map(|_| shop.orders.clone());
        let answer = match (&asked.method, path) {
            (&Method::PATCH, _) => failed(asked, StatusCode::METHOD_NOT_ALLOWED, "PATCH is not supported"),
            (&Method::GET, ["test"]) => {
                success(asked, json!({ "message": "Connection Successful", "current_date_time": asked.now }))
            }
            (&Method::GET, ["store"]) => success(asked, json!({ "store": shop.settings(asked.store) })),
            (&Method::POST, ["move-orders"]) => orders::relocate(asked, shop),
            (&Method::POST, ["batch-shipments"]) => parts::batch_shipments(asked, shop),
            (_, ["orders"]) => orders::collection(asked, shop),
            (_, ["orders", id]) => orders::single(asked, shop, id, &self.switches),
            (_, ["orders", id, part, rest @ ..]) => parts::answer(asked, shop, id, part, rest),
            (_, ["inventory-items" | "inventory-item", rest @ ..]) => inventory::answer(asked, shop, rest),
            (&Method::PUT, ["batch-inventory-items"]) => inventory::batch(asked, shop),
            _ => failed(asked, StatusCode::NOT_FOUND, "Not Found"),
        };
        if let Some(before) = before {
            self.tell(asked, &before, &shop.orders);
        }
        answer
    }

    /// The store whose id and key the headers carry.
    fn store<'a>(&'a self, call: &Call) -> Option<&'a str> {
        let (id, key) = (call.header("orderdesk-store-id")?, call.header("orderdesk-api-key")?);
        self.stage.counters.call_with(key);
        let known = self.stores.iter().find(|(known, secret)| known == id && secret == key);
        known.map(|(id, _)| id.as_str())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Backend for OrderDesk {
    fn answer(&self, call: &Call) -> Response {
        let Some(store) = self.store(call) else {
            let body = json!({ "status": "error", "message": "Invalid store id or API key" });
            return answer::json(StatusCode::UNAUTHORIZED, body);
        };
        let (switches, clock) = (self.switches.now(), &self.stage.clock);
        let now = clock.millis();
        let mut state = self.state();
        let bucket =
            state.buckets.entry(store.to_owned()).or_insert_with(|| Bucket::full(switches.bucket, now));
        let remaining = bucket.take(switches.bucket, switches.per_second, now);
        drop(state);
        let answer = if remaining.is_none() {
            self.stage.counters.count(|counts| &mut counts.rate_limited);
            let body = json!({ "status": "error", "message": "Too Many Requests" });
            answer::with_header(answer::json(StatusCode::TOO_MANY_REQUESTS, body), "x-retry-after", "1")
        } else {
            let overridden = call.header("x-http-method-override").filter(|_| call.method == Method::POST);
            let method = overridden.and_then(|method| method.parse().ok());
            let method = method.unwrap_or_else(|| call.method.clone());
            let asked = Asked { call, method, store, switches, now: written_date(clock.now()) };
            match call.segments().as_slice() {
                ["api", "v2", path @ ..] => self.resource(&asked, path),
                _ => failed(&asked, StatusCode::NOT_FOUND, "Not Found"),
            }
        };
        answer::with_header(answer, "x-tokens-remaining", &remaining.unwrap_or_default().to_string())
    }

    fn reset(&self) {
        *self.state() = State::default();
    }

    fn switches(&self) -> &dyn Switchboard {
        &self.switches
    }
}

/// As the service writes dates: without a zone, in UTC.
fn written_date(seconds: i64) -> String {
    date_time(seconds).format(DATE).unwrap_or_default()
}

const DATE: &[BorrowedFormatItem<'_>] =
    time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
