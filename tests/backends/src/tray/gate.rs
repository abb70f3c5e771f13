//! Who may call a store's API, and how often.

use axum::response::Response;

use super::{CountedBy, Tray, answers, answers::Refusal};
use crate::{grants::Refused, stage::call::Call};

impl Tray {
    /// The refusal of a call without a good token. The token stands in the query alone: one in a header is not seen.
    pub(super) fn refusal(&self, call: &Call, store: &str) -> Option<Response> {
        let token = call.query("access_token").unwrap_or_default();
        if !token.is_empty() {
            self.stage.counters.call_with(token);
        }
        if let Some(too_many) = self.count_call(store) {
            return Some(too_many);
        }
        let refusal = self.token_refusal(token, store).or_else(|| self.store_refusal(store))?;
        Some(answers::refused(call, refusal))
    }

    /// Counts a call of the store; the refusal, if it comes too fast.
    pub(super) fn count_call(&self, store: &str) -> Option<Response> {
        let switches = self.switches.now();
        let now = self.stage.clock.millis();
        let counted_by = match switches.counted_by {
            CountedBy::Store => store,
            CountedBy::App => "",
        };
        let mut state = self.state();
        let minute = state.minutes.entry(counted_by.to_owned()).or_default();
        let within_minute = minute.take(switches.minute_limit, MINUTE_MS, now);
        let day = state.days.entry(store.to_owned()).or_default();
        if within_minute && day.take(switches.day_limit, DAY_MS, now) {
            return None;
        }
        self.stage.counters.count(|counts| &mut counts.rate_limited);
        Some(answers::too_many())
    }

    pub(super) fn store_refusal(&self, store: &str) -> Option<Refusal> {
        let status = self.switches.now().status.get(store).copied().unwrap_or_default();
        answers::store_refusal(status)
    }

    /// A store that is blocked says so only to whoever has a token that it knows.
    fn token_refusal(&self, token: &str, store: &str) -> Option<Refusal> {
        let state = self.state();
        match state.grants.accept(token, self.stage.clock.now()) {
            Ok((grant, _)) => (grant.account.as_deref() != Some(store)).then_some(Refusal::Invalid),
            Err(Refused::Expired) => self.store_refusal(store).or(Some(Refusal::Expired)),
            Err(Refused::Unknown | Refused::Reused) => Some(Refusal::Invalid),
        }
    }
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
