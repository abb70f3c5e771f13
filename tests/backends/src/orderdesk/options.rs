//! What an Order Desk stand-in starts with, and its switches.

use serde::{Deserialize, Serialize};

use crate::stage::Listen;

/// The store that exists unless others are given.
pub const STORE_ID: &str = "12345";
/// Its API key.
pub const API_KEY: &str = "stand-in-orderdesk-api-key";

/// What webhooks with an `event_id` are signed with at first.
pub const WEBHOOK_SECRET: &str = "stand-in-orderdesk-webhook-secret";

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub listen: Listen,
    /// Ids and API keys of the stores.
    pub stores: Vec<(String, String)>,
    /// The switches at the start.
    pub switches: OrderDeskSwitches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            stores: vec![(STORE_ID.to_owned(), API_KEY.to_owned())],
            switches: OrderDeskSwitches::default(),
        }
    }
}

/// How changes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookForm {
    /// A form with the field `order`, signed with the API key in `X-ORDER-DESK-HASH`.
    Order,
    /// JSON with an `event_id`, signed with a secret of its own in `X-OrderDesk-Signature`.
    Event,
}

/// What can be switched while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct OrderDeskSwitches {
    /// What is wrong with a request is said with status 200, and `"status": "error"` in the body.
    pub errors_as_200: bool,
    /// Prices are texts in every other item.
    pub mixed_prices: bool,
    /// Answers say how long they took, as a message too, which is no error.
    pub execution_time: bool,
    /// An order that is replaced loses the items that the request leaves out.
    pub put_deletes_items: bool,
    /// So many readings of single orders from now, somebody else edits the order that was read: each reading counts
    /// down, and the last one is followed by the edit. 0 is never.
    pub edit_after_gets: u32,
    /// Tokens of a full bucket.
    pub bucket: i64,
    /// Tokens that come back in a second.
    pub per_second: i64,
    /// The store's time zone, in hours from UTC: filters by date are in local time, although dates are in UTC.
    pub utc_offset_h: i64,
    /// Where changed orders are told, on loopback; nowhere, if there is none.
    pub webhook_url: Option<String>,
    /// How they are told.
    pub webhook_form: WebhookForm,
    /// What [`WebhookForm::Event`] is signed with.
    pub webhook_secret: String,
    /// How many times each change is told.
    pub webhook_copies: u32,
}

impl Default for OrderDeskSwitches {
    fn default() -> Self {
        Self {
            errors_as_200: false,
            mixed_prices: false,
            execution_time: true,
            put_deletes_items: false,
            edit_after_gets: 0,
            bucket: 20,
            per_second: 3,
            utc_offset_h: -5,
            webhook_url: None,
            webhook_form: WebhookForm::Order,
            webhook_secret: WEBHOOK_SECRET.to_owned(),
            webhook_copies: 1,
        }
    }
}
