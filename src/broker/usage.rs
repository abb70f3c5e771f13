//! What is counted for a short while and then recorded: who used which token, who failed to show one, what was refused
//! before it touched anything, and reads.
//!
//! An operation that changes something, or hands a secret out, writes its record itself and names its token there. These
//! records say the rest, each with a count, so that nobody can flood the audit by calling: that a token was good
//! (`mcp_auth_success`, per token) or why one was not (`mcp_auth_failed`, per address and reason), and which operations
//! were refused (`operation_refused`, per caller, operation and code) or only read (`operation_counted`, per caller and
//! operation).

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use super::{Broker, Call, Code, Error};
use crate::model::{
    audit::{Actor, AuditRecord, EventName},
    id::{self, TokenId},
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
    successes: HashMap<TokenId, Success>,
    failures: HashMap<(Option<String>, String), Failure>,
    tallies: HashMap<TallyKey, Tally>,
}

/// Uses of one token.
struct Success {
    actor: Actor,
    count: i64,
    last: Instant,
    /// Each use was counted durably when it happened, since the token's uses are limited.
    counted: bool,
}

/// Failures of one address for one reason.
struct Failure {
    actor: Actor,
    count: i64,
    last: Instant,
}

/// What one caller did again and again. `caller` is none when too many callers did it to tell them apart.
#[derive(PartialEq, Eq, Hash)]
struct TallyKey {
    caller: Option<(String, Option<TokenId>, Option<String>)>,
    operation: &'static str,
    /// Of a refusal.
    code: Option<&'static str>,
}

/// How often, and upon what.
struct Tally {
    actor: Actor,
    targets: BTreeSet<String>,
    count: i64,
    first: Instant,
    last: Instant,
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

    /// Counts a refusal (with its code), or a read.
    pub(crate) fn tally(
        &self,
        actor: Actor,
        operation: &'static str,
        code: Option<&'static str>,
        target: Option<&str>,
        now: Instant,
    ) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let caller = Some((actor.id.clone(), actor.token_id, actor.address.clone()));
        let mut key = TallyKey { caller, operation, code };
        let mut actor = actor;
        if counts.tallies.len() >= MAX_ENTRIES && !counts.tallies.contains_key(&key) {
            // When too many callers are refused at once, they share one record for each operation and code.
            key.caller = None;
            actor =
                Actor { id: MANY.to_owned(), token_id: None, owner: None, address: None, request_id: None };
        }
        let fresh = || Tally { actor, targets: BTreeSet::new(), count: 0, first: now, last: now };
        let tally = counts.tallies.entry(key).or_insert_with(fresh);
        tally.count += 1;
        tally.last = now;
        if let Some(target) =
            target.filter(|_| tally.targets.len() < MAX_TARGETS).filter(|text| id::is_any(text))
        {
            tally.targets.insert(target.to_owned());
        }
    }

    /// Takes what was counted since the last call.
    pub(crate) fn take(&self, all: bool) -> Counts {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if all {
            return std::mem::take(&mut counts);
        }
        Counts { successes: std::mem::take(&mut counts.successes), ..Counts::default() }
    }
}

impl Broker {
    /// Counts a refusal of an operation for the record of the minute: per caller, operation and code. Costs no write.
    ///
    /// Of the target only what has the form of an id is kept: whatever else was sent may be a secret that went into the wrong
    /// place.
    pub fn record_refusal(&self, call: &Call, operation: &'static str, target: Option<&str>, code: Code) {
        self.refusal_by(call.actor(), operation, target, code.as_str());
    }

    /// The same for callers that are not known by a token.
    pub(crate) fn refusal_by(
        &self,
        actor: Actor,
        operation: &'static str,
        target: Option<&str>,
        code: &'static str,
    ) {
        self.usage.tally(actor, operation, Some(code), target, self.clock.now());
    }

    /// Counts a read, which hands no secret out and writes no record of its own.
    pub(crate) fn count_read(&self, actor: Actor, operation: &'static str) {
        self.usage.tally(actor, operation, None, None, self.clock.now());
    }

    /// Passes an operation's outcome on; a refusal that no record tells of yet is counted.
    ///
    /// # Errors
    /// The outcome's own.
    pub fn noted<T>(
        &self,
        call: &Call,
        operation: &'static str,
        target: Option<&str>,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Err(error) = outcome.as_ref()
            && error.is_refusal()
            && !error.recorded
        {
            self.record_refusal(call, operation, target, error.code);
        }
        outcome
    }

    /// The same for a read, which is counted when it succeeds, too.
    pub(crate) fn noted_read<T>(
        &self,
        call: &Call,
        operation: &'static str,
        target: Option<&str>,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if outcome.is_ok() {
            self.count_read(call.actor(), operation);
        }
        self.noted(call, operation, target, outcome)
    }
}

impl Error {
    /// Whether a rule refused: not a fault of the broker or its database, nor a token that no longer stands, which is
    /// counted where it is read.
    const fn is_refusal(&self) -> bool {
        !matches!(self.code, Code::Internal | Code::Sealed | Code::Unauthenticated | Code::Unavailable)
    }
}

impl Counts {
    /// A record for each.
    pub(crate) fn records(&self) -> Vec<AuditRecord> {
        let successes = self.successes.iter().map(|(token, success)| success.record(*token));
        let failures = self.failures.iter().map(|((_, reason), failure)| failure.record(reason));
        let tallies = self.tallies.iter().map(|(key, tally)| tally.record(key));
        successes.chain(failures).chain(tallies).collect()
    }

    /// Uses of tokens, for their rows: token, count that the row does not know yet, last use, last address.
    pub(crate) fn uses(self) -> Vec<(TokenId, i64, Instant, Option<String>)> {
        let uncounted = |used: &Success| if used.counted { 0 } else { used.count };
        let uses = self.successes.into_iter();
        uses.map(|(token, used)| (token, uncounted(&used), used.last, used.actor.address)).collect()
    }
}

impl Success {
    fn record(&self, token: TokenId) -> AuditRecord {
        let record = AuditRecord::success(EventName::McpAuthSuccess, &self.actor, token, self.last);
        record.with("count", self.count)
    }
}

impl Failure {
    fn record(&self, reason: &str) -> AuditRecord {
        let record = AuditRecord::refusal(EventName::McpAuthFailed, &self.actor, None, reason, self.last);
        record.with("count", self.count)
    }
}

impl Tally {
    /// The request id is that of the first call: with several it would name one of many.
    fn record(&self, key: &TallyKey) -> AuditRecord {
        let Self { actor, targets, count, first, last } = self;
        let target = targets.first().filter(|_| targets.len() == 1).cloned();
        let event =
            if key.code.is_some() { EventName::OperationRefused } else { EventName::OperationCounted };
        let base = AuditRecord {
            at: *last,
            event,
            actor: actor.clone(),
            target,
            refusal: key.code.map(str::to_owned),
            details: serde_json::Map::new(),
        };
        let base = base.with("operation", key.operation).with("count", *count);
        let base = if count == &1 { base } else { base.with("first_at", first.to_string()) };
        if targets.len() > 1 {
            base.with("targets", targets.iter().cloned().collect::<Vec<_>>())
        } else {
            base
        }
    }
}

/// The actor of a record that tells of many.
const MANY: &str = "many";
const MAX_ENTRIES: usize = 10_000;
/// How many targets one record names.
const MAX_TARGETS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(1_760_000_000_000_000);

    fn actor(id: &str) -> Actor {
        Actor { id: id.to_owned(), address: Some("127.0.0.1".to_owned()), ..Actor::system() }
    }

    #[test]
    fn refusals_are_counted_by_caller_operation_and_code() {
        let log = UsageLog::default();
        for second in 0..5 {
            log.tally(actor("a"), "user.get", Some("not_found"), None, NOW.plus_seconds(second));
        }
        log.tally(actor("a"), "user.get", Some("insufficient_scope"), None, NOW);
        log.tally(actor("b"), "user.get", Some("not_found"), None, NOW);
        log.tally(actor("b"), "user.get", None, None, NOW);
        assert!(log.take(false).records().is_empty(), "they are written each minute");
        let mut records = log.take(true).records();
        records.sort_by_key(|record| (record.actor.id.clone(), record.refusal.clone()));
        let told: Vec<_> = records
            .iter()
            .map(|r| (r.actor.id.as_str(), r.event, r.refusal.as_deref(), r.details["count"].as_i64()))
            .collect();
        let (refused, counted) = (EventName::OperationRefused, EventName::OperationCounted);
        assert_eq!(
            told,
            [
                ("a", refused, Some("insufficient_scope"), Some(1)),
                ("a", refused, Some("not_found"), Some(5)),
                ("b", counted, None, Some(1)),
                ("b", refused, Some("not_found"), Some(1)),
            ]
        );
        assert_eq!(records[1].details["first_at"], NOW.to_string());
        assert_eq!(records[1].at, NOW.plus_seconds(4));
        assert!(log.take(true).records().is_empty());
    }

    #[test]
    fn targets_are_ids_and_never_what_may_be_a_secret() {
        let log = UsageLog::default();
        let (one, other) = ("lse_06gvo2isalsspfga4hms4qhf3k", "lse_06gvo2isalsspfga4hms5qhf3k");
        for target in
            [one, other, one, "jira", "mcp_SecretSecret", "deadbeefdeadbeef0", "a b", "eyJhbGciOi.e30.x"]
        {
            log.tally(actor("a"), "lease.get", Some("not_found"), Some(target), NOW);
        }
        let record = log.take(true).records().remove(0);
        assert_eq!(record.details["targets"], serde_json::json!([one, other]));
        assert_eq!((record.target, record.details["count"].as_i64()), (None, Some(8)));
    }

    #[test]
    fn a_flood_of_callers_shares_a_record() {
        let log = UsageLog::default();
        for number in 0..MAX_ENTRIES + 10 {
            log.tally(actor(&number.to_string()), "lease.get", Some("not_found"), None, NOW);
        }
        let records = log.take(true).records();
        assert_eq!(records.len(), MAX_ENTRIES + 1);
        let shared = records.iter().find(|record| record.actor.id == MANY).unwrap();
        assert_eq!(shared.details["count"], 10);
    }
}
