//! The figures of a way in: how many requests of which operation were answered how, and how long that took.
//!
//! Operations and statuses are lists given once; a request names its places in them. What was not on the list shares
//! one place, so that no caller can make a series.

use std::{sync::OnceLock, time::Duration};

use metrics::{Counter, Histogram};

use super::{Metrics, catalog};

/// A way in, and the statuses of its answers.
#[derive(Debug)]
pub struct Transport {
    /// `http`, `grpc`.
    pub name: &'static str,
    /// Every status as text; the last stands for all that is not listed.
    pub statuses: &'static [&'static str],
    /// Where in `statuses` a request stands whose caller left before it was answered.
    pub cancelled: usize,
}

/// What came of a request, in few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// The caller's mistake, or not the caller's right.
    Refused,
    /// The broker's fault, or the database's.
    Failed,
    /// The caller left before there was an answer.
    Cancelled,
}

/// The figures of one way in.
pub struct RequestFigures {
    metrics: Metrics,
    transport: &'static Transport,
    /// The names given, and [`UNMATCHED`].
    operations: Box<[&'static str]>,
    /// By operation, then status.
    counts: Box<[OnceLock<Counter>]>,
    /// By operation, then outcome.
    seconds: Box<[OnceLock<Histogram>]>,
}

/// The operation of a request that names none.
pub(in crate::telemetry) const UNMATCHED: &str = "unmatched";

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::Failed, Self::Cancelled];

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl RequestFigures {
    pub(super) fn new(
        metrics: Metrics,
        transport: &'static Transport,
        operations: impl Iterator<Item = &'static str>,
    ) -> Self {
        let operations: Box<[_]> = operations.chain([UNMATCHED]).collect();
        let counts = (0..operations.len() * transport.statuses.len()).map(|_| OnceLock::new()).collect();
        let seconds = (0..operations.len() * Outcome::ALL.len()).map(|_| OnceLock::new()).collect();
        Self { metrics, transport, operations, counts, seconds }
    }

    /// The way in.
    pub(crate) const fn transport(&self) -> &'static Transport {
        self.transport
    }

    /// The text of a status, by its place.
    pub(crate) fn status(&self, status: usize) -> &'static str {
        let statuses = self.transport.statuses;
        statuses.get(status).or_else(|| statuses.last()).copied().unwrap_or_default()
    }

    /// The name of an operation, by its place.
    pub(crate) fn operation(&self, operation: usize) -> &'static str {
        self.operations.get(operation).copied().unwrap_or(UNMATCHED)
    }

    /// A request was answered.
    pub(crate) fn answered(&self, operation: usize, status: usize, outcome: Outcome, took: Duration) {
        let operation = operation.min(self.operations.len() - 1);
        let status = status.min(self.transport.statuses.len() - 1);
        if let Some(cell) = self.counts.get(operation * self.transport.statuses.len() + status) {
            cell.get_or_init(|| self.count_of(operation, status)).increment(1);
        }
        if let Some(cell) = self.seconds.get(operation * Outcome::ALL.len() + outcome as usize) {
            cell.get_or_init(|| self.seconds_of(operation, outcome)).record(took);
        }
    }

    /// It was answered with an error of this code.
    pub(crate) fn refused(&self, code: &'static str) {
        let labels = [("transport", self.transport.name), ("code", code)];
        self.metrics.counter(catalog::REFUSALS, labels).increment(1);
    }

    /// The caller did not prove who it is.
    pub(crate) fn unproven(&self, reason: &'static str) {
        let labels = [("transport", self.transport.name), ("reason", reason)];
        self.metrics.counter(catalog::AUTH_FAILURES, labels).increment(1);
    }

    fn count_of(&self, operation: usize, status: usize) -> Counter {
        let operation = ("operation", self.operation(operation));
        let labels = [("transport", self.transport.name), operation, ("status", self.status(status))];
        self.metrics.counter(catalog::REQUESTS, labels)
    }

    fn seconds_of(&self, operation: usize, outcome: Outcome) -> Histogram {
        let operation = ("operation", self.operation(operation));
        let labels = [("transport", self.transport.name), operation, ("outcome", outcome.as_str())];
        self.metrics.histogram(catalog::REQUEST_SECONDS, labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TESTED: Transport = Transport { name: "http", statuses: &["200", "403", "other"], cancelled: 2 };

    #[test]
    fn every_request_has_its_series_and_strange_ones_share_one() {
        let metrics = Metrics::new();
        let figures = metrics.requests(&TESTED, ["create_lease", "docs", "docs"].into_iter());
        let quick = Duration::from_millis(3);
        figures.answered(0, 0, Outcome::Ok, quick);
        figures.answered(0, 0, Outcome::Ok, Duration::from_millis(30));
        figures.answered(0, 1, Outcome::Refused, quick);
        figures.answered(1, 0, Outcome::Ok, quick);
        figures.answered(2, 0, Outcome::Ok, quick);
        for strange in [3, 4, usize::MAX] {
            figures.answered(strange, strange, Outcome::Cancelled, quick);
        }
        figures.refused("lease_revoked");
        figures.unproven("expired");
        let text = metrics.render();
        let of =
            |operation: &str, rest: &str| format!("{{transport=\"http\",operation=\"{operation}\",{rest}}}");
        for (name, labels, value) in [
            ("requests_total", of("create_lease", "status=\"200\""), 2),
            ("requests_total", of("create_lease", "status=\"403\""), 1),
            ("requests_total", of("docs", "status=\"200\""), 2),
            ("requests_total", of("unmatched", "status=\"other\""), 3),
            ("request_seconds_bucket", of("create_lease", "outcome=\"ok\",le=\"0.005\""), 1),
            ("request_seconds_count", of("create_lease", "outcome=\"ok\""), 2),
            ("request_seconds_count", of("unmatched", "outcome=\"cancelled\""), 3),
            ("refusals_total", "{transport=\"http\",code=\"lease_revoked\"}".to_owned(), 1),
            ("auth_failures_total", "{transport=\"http\",reason=\"expired\"}".to_owned(), 1),
        ] {
            let line = format!("leasehold_{name}{labels} {value}");
            assert!(text.lines().any(|rendered| rendered == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("\nleasehold_requests_total{").count(), 4, "{text}");
    }
}
