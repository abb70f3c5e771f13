//! What a Tray stand-in starts with, and its switches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{grants::Rotation, stage::Listen};

/// The consumer key of the app that is known unless others are given.
pub const CONSUMER_KEY: &str = "stand-in-tray-consumer-key";
/// Its secret; with characters that encodings change.
pub const CONSUMER_SECRET: &str = "stand-in tray/consumer+secret=1";
/// The stores that exist unless others are given.
pub const STORES: [&str; 2] = ["391250", "123456"];

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub listen: Listen,
    /// The stores, by id.
    pub stores: Vec<String>,
    /// Apps that may be authorized.
    pub apps: Vec<App>,
    /// The switches at the start.
    pub switches: TraySwitches,
}

/// An app as its developer registered it.
#[derive(Debug, Clone)]
pub struct App {
    /// Its public key.
    pub consumer_key: String,
    /// Its secret.
    pub consumer_secret: String,
    /// Its number, which is part of access tokens and webhooks.
    pub app_code: u32,
}

impl Default for Options {
    fn default() -> Self {
        let app = App {
            consumer_key: CONSUMER_KEY.to_owned(),
            consumer_secret: CONSUMER_SECRET.to_owned(),
            app_code: 718,
        };
        Self {
            listen: Listen::default(),
            stores: STORES.map(str::to_owned).to_vec(),
            apps: vec![app],
            switches: TraySwitches::default(),
        }
    }
}

/// Whether a store may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreStatus {
    /// Yes.
    #[default]
    Active,
    /// No: `error_code` 1001.
    Blocked,
    /// No: 1002.
    Inactive,
    /// No: 1003.
    Cancelled,
}

/// The two forms of the tokens' envelope that were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// Status 201, and `code` is a number.
    Created,
    /// Status 200, and `code` is a text.
    Okay,
}

/// Which paths work where documentation and plugin differ: cancelling an order, an order in full, the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paths {
    /// `/orders/cancel/:id`, `/orders/:id/complete`, `/info`.
    Official,
    /// `/orders/:id/cancel`, `/orders/:id/full`, `/store`.
    Plugin,
    /// All of them.
    Both,
}

/// What a limit of calls per minute is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// Each store has its own.
    Store,
    /// One for all stores together.
    App,
}

/// What can be switched while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct TraySwitches {
    /// Stores that are not active.
    pub status: BTreeMap<String, StoreStatus>,
    /// What becomes of used refresh tokens.
    pub rotation: Rotation,
    /// The form of the tokens' envelope.
    pub envelope: Envelope,
    /// The status for a wrong or used code: 401, or 400.
    pub bad_code_status: u16,
    /// Leaves `api_host` out when refreshing.
    pub omit_api_host: bool,
    /// Leaves `store_id` out.
    pub omit_store_id: bool,
    /// Dates of expiry are `0000-00-00 00:00:00`.
    pub zero_dates: bool,
    /// A slash ends `api_address` in the callback.
    pub slash_at_end: bool,
    /// Refreshing needs `consumer_key` and `consumer_secret` in the query too.
    pub keys_to_refresh: bool,
    /// Which paths work.
    pub paths: Paths,
    /// Seconds that access tokens last.
    pub access_s: i64,
    /// Seconds that refresh tokens last.
    pub refresh_s: i64,
    /// Calls in a minute.
    pub minute_limit: usize,
    /// What they are counted by.
    pub counted_by: CountedBy,
    /// Calls of a store in a day.
    pub day_limit: usize,
    /// Where changes are told, on loopback; nowhere, if there is none.
    pub webhook_url: Option<String>,
    /// How many times each change is told.
    pub webhook_copies: u32,
}

impl Default for TraySwitches {
    fn default() -> Self {
        Self {
            status: BTreeMap::new(),
            rotation: Rotation::Strict,
            envelope: Envelope::Created,
            bad_code_status: 401,
            omit_api_host: false,
            omit_store_id: false,
            zero_dates: false,
            slash_at_end: false,
            keys_to_refresh: false,
            paths: Paths::Official,
            access_s: 3 * 3_600,
            refresh_s: 30 * 86_400,
            minute_limit: 180,
            counted_by: CountedBy::Store,
            day_limit: 10_000,
            webhook_url: None,
            webhook_copies: 1,
        }
    }
}
