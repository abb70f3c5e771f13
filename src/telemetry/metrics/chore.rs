//! The figures of one chore.

use std::time::Duration;

use metrics::{Counter, Gauge};

use super::{Metrics, catalog, timestamp};
use crate::model::instant::Instant;

/// What is known of a chore's runs. The counters show from the start, so that a chore which never ran is seen.
#[derive(Clone)]
pub struct ChoreFigures {
    succeeded: Counter,
    failed: Counter,
    seconds: Gauge,
    last_success: Gauge,
}

impl ChoreFigures {
    pub(super) fn new(metrics: &Metrics, name: &'static str) -> Self {
        let runs = |result| metrics.counter(catalog::CHORE_RUNS, [("chore", name), ("result", result)]);
        Self {
            succeeded: runs("ok"),
            failed: runs("failed"),
            seconds: metrics.gauge(catalog::CHORE_SECONDS, [("chore", name)]),
            last_success: metrics.gauge(catalog::CHORE_SUCCESS, [("chore", name)]),
        }
    }

    /// A run ended well.
    pub fn succeeded(&self, took: Duration, at: Instant) {
        self.succeeded.increment(1);
        self.seconds.set(took.as_secs_f64());
        self.last_success.set(timestamp(at));
    }

    /// A run failed.
    pub fn failed(&self, took: Duration) {
        self.failed.increment(1);
        self.seconds.set(took.as_secs_f64());
    }
}
