//! Who used which token how often, and who failed to show one: kept in memory for a short while, then recorded.
//!
//! An operation's own record names its token in any case. These records say that a token was good (`mcp_auth_success`,
//! per token) or why one was not (`mcp_auth_failed`, per address and reason), each with a count.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::Call;
use crate::model::{
    audit::{Actor, AuditRecord, EventName},
    id::TokenId,
    instant::Instant,
};

/// Counts since the last flush.
#[derive(Default)]
pub(crate) struct UsageLog {
    counts: Mutex<Counts>,
}

/// What was counted.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) successes: HashMap<TokenId, Success>,
    pub(crate) failures: HashMap<(Option<String>, String), Failure>,
}

/// Uses of one token.
pub(crate) struct Success {
    pub(crate) actor: Actor,
    count: i64,
    pub(crate) last: Instant,
    /// Each use was counted durably when it happened, since the token's uses are limited.
    counted: bool,
}

/// Failures of one address for one reason.
pub(crate) struct Failure {
    pub(crate) actor: Actor,
    pub(crate) count: i64,
    pub(crate) last: Instant,
}

impl UsageLog {
    pub(crate) fn succeeded(&self, call: &Call, now: Instant) {
        let token = call.caller.token_id;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(success) = counts.successes.get_mut(&token) {
            success.count += 1;
            success.last = now;
        } else if counts.successes.len() < MAX_ENTRIES {
            let counted = call.caller.limited;
            counts.successes.insert(token, Success { actor: call.actor(), count: 1, last: now, counted });
        } else {
            tracing::warn!(%token, "too many tokens between two flushes: a use is recorded by its operation alone");
        }
    }

    pub(crate) fn failed(&self, actor: Actor, reason: &str, now: Instant) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let crowded = counts.failures.len() >= MAX_ENTRIES;
        // When too many addresses fail at once, they share one record for each reason.
        let address = if crowded { None } else { actor.address.clone() };
        let entry = counts.failures.entry((address, reason.to_owned()));
        let failure = entry.or_insert_with(|| Failure { actor, count: 0, last: now });
        failure.count += 1;
        failure.last = now;
    }

    /// Takes what was counted since the last call.
    pub(crate) fn take(&self, failures_too: bool) -> Counts {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let successes = std::mem::take(&mut counts.successes);
        let failures = if failures_too { std::mem::take(&mut counts.failures) } else { HashMap::new() };
        Counts { successes, failures }
    }
}

impl Success {
    /// Uses that the token's row does not know yet.
    pub(crate) const fn uncounted(&self) -> i64 {
        if self.counted { 0 } else { self.count }
    }

    pub(crate) fn record(&self, token: TokenId) -> AuditRecord {
        let record = AuditRecord::success(EventName::McpAuthSuccess, &self.actor, token, self.last);
        record.with("count", self.count)
    }
}

impl Failure {
    pub(crate) fn record(&self, reason: &str) -> AuditRecord {
        let record = AuditRecord::refusal(EventName::McpAuthFailed, &self.actor, None, reason, self.last);
        record.with("count", self.count)
    }
}

const MAX_ENTRIES: usize = 10_000;
