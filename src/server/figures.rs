//! What the committer and the ways in do, as figures.

use std::time::Duration;

use crate::{
    store::{
        StoreError,
        committer::Observer,
        mutation::{LeaseOrigin, Outcome, Refusal},
    },
    telemetry::Metrics,
};

/// Puts commits into metrics.
pub(super) struct Figures(pub(super) Metrics);

impl Observer for Figures {
    fn committed(&self, outcomes: &[Result<Outcome, Refusal>], took: Duration) {
        self.0.commit(took, outcomes.len());
        let count = |wanted: fn(&Outcome) -> bool| {
            outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(wanted)).count() as u64
        };
        let is_new = |outcome: &Outcome| matches!(outcome, Outcome::Created(lease) if lease.origin == LeaseOrigin::New);
        self.0.leases_created(count(is_new));
        self.0.leases_renewed(count(|outcome| matches!(outcome, Outcome::Renewed(_))));
        self.0.leases_revoked(count(|outcome| matches!(outcome, Outcome::Revoked(lease) if lease.newly)));
        self.0.tokens_issued(count(|outcome| matches!(outcome, Outcome::Issued)));
        let swept = outcomes.iter().filter_map(|outcome| match outcome {
            Ok(Outcome::Swept(sweep)) => Some(sweep.expired),
            _ => None,
        });
        self.0.leases_expired(swept.sum());
    }

    fn failed(&self, error: &StoreError) {
        self.0.store_error(match error {
            StoreError::Busy => "busy",
            StoreError::Conflict { .. } => "conflict",
            StoreError::Corrupt { .. } => "corrupt",
            StoreError::Data(_) => "data",
            StoreError::Missing(_) => "missing",
            StoreError::NewerSchema { .. } => "newer_schema",
            StoreError::OutcomeUnknown => "outcome_unknown",
            StoreError::Serialization(_) => "serialization",
            StoreError::Setup(_) => "setup",
            StoreError::Unavailable(_) => "unavailable",
        });
    }
}

/// A status code as a label; the classes stand for what is rare, so that labels stay few.
pub(super) const fn status_text(status: u16) -> &'static str {
    match status {
        200 => "200",
        201 => "201",
        204 => "204",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        409 => "409",
        413 => "413",
        415 => "415",
        422 => "422",
        429 => "429",
        503 => "503",
        s if s < 400 => "3xx",
        s if s < 500 => "4xx",
        _ => "5xx",
    }
}
