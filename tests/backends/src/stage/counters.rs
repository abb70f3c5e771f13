//! What happened, in numbers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde::Serialize;

use super::{lock, random::fingerprint};

/// Counters of a stand-in since its start or its last reset.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Requests, those of the control surface left out.
    pub requests: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// The most that were under way at once.
    pub max_in_flight: u64,
    /// Access tokens issued, whatever for.
    pub tokens_issued: u64,
    /// Requests for a refresh, granted or not, that reached the stand-in.
    pub refresh_calls: u64,
    /// Refreshes granted with new tokens.
    pub refreshes: u64,
    /// Refresh tokens that came again although they were used up.
    pub refresh_reuses: u64,
    /// Refresh tokens that came again within the grace window and got the same answer.
    pub refresh_repeats: u64,
    /// Tokens or grants that were revoked by request.
    pub revocations: u64,
    /// Requests refused for coming too fast.
    pub rate_limited: u64,
    /// Webhooks that were accepted.
    pub webhooks_accepted: u64,
    /// Tries to deliver a webhook that were not.
    pub webhooks_refused: u64,
    /// Access tokens that would be accepted now.
    pub live_tokens: u64,
    /// Requests by the fingerprint of the token they were made with.
    pub calls_per_token: BTreeMap<String, u64>,
}

impl Counts {
    /// Requests that were made with this token.
    #[must_use]
    pub fn calls_with(&self, token: &str) -> u64 {
        self.calls_per_token.get(&fingerprint(token)).copied().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Counters(Arc<Mutex<Counts>>);

impl Counters {
    pub(crate) fn now(&self) -> Counts {
        lock(&self.0).clone()
    }

    /// Counts one thing: `counters.count(|counts| &mut counts.refreshes)`.
    pub(crate) fn count(&self, counter: impl FnOnce(&mut Counts) -> &mut u64) {
        *counter(&mut lock(&self.0)) += 1;
    }

    /// Counts a request made with this token. Bounded: tokens beyond the first [`MAX_TOKENS`] are not told apart.
    pub(crate) fn call_with(&self, token: &str) {
        let mut counts = lock(&self.0);
        let mut key = fingerprint(token);
        if counts.calls_per_token.len() >= MAX_TOKENS && !counts.calls_per_token.contains_key(&key) {
            "others".clone_into(&mut key);
        }
        *counts.calls_per_token.entry(key).or_default() += 1;
    }

    /// A request is under way until the answer is dropped.
    pub(crate) fn enter(&self) -> InFlight {
        let mut counts = lock(&self.0);
        counts.requests += 1;
        counts.in_flight += 1;
        counts.max_in_flight = counts.max_in_flight.max(counts.in_flight);
        InFlight(self.clone())
    }

    pub(crate) fn reset(&self) {
        let mut counts = lock(&self.0);
        let in_flight = counts.in_flight;
        *counts = Counts { in_flight, max_in_flight: in_flight, ..Counts::default() };
    }
}

/// Ends a request's time under way, however it ends.
#[derive(Debug)]
pub(crate) struct InFlight(Counters);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut counts = lock(&self.0.0);
        counts.in_flight = counts.in_flight.saturating_sub(1);
    }
}

const MAX_TOKENS: usize = 20_000;
