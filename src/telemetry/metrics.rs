//! What is counted and measured, and its rendering for Prometheus.
//!
//! The recorder belongs to a [`Metrics`] value, not to the process, so that two brokers, or two tests, never share
//! figures. Labels are static text: they can name an operation or a kind, never a client or a user.

use std::{fmt, sync::Arc, time::Duration};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// The figures of one broker. Cheap to clone; the clones share the figures.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// As Prometheus sees it.
    pub name: &'static str,
    /// What kind of figure it is.
    pub kind: MetricKind,
    /// What it tells.
    pub help: &'static str,
}

/// The kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often which values occurred, with the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// How often [`Metrics::upkeep`] should run.
pub const UPKEEP_PERIOD: Duration = Duration::from_secs(5);

impl Metrics {
    /// All figures at zero.
    #[must_use]
    pub fn new() -> Self {
        let recorder = recorder();
        let handle = recorder.handle();
        let counter = |metric: Metric| recorder.register_counter(&key(metric), &METADATA);
        let gauge = |metric: Metric| recorder.register_gauge(&key(metric), &METADATA);
        let histogram = |metric: Metric| recorder.register_histogram(&key(metric), &METADATA);
        let (commit_seconds, batch_size) = (histogram(COMMIT_SECONDS), histogram(BATCH_SIZE));
        let (queue_depth, live_leases) = (gauge(QUEUE_DEPTH), gauge(LIVE_LEASES));
        let tokens_issued = counter(TOKENS_ISSUED);
        let (leases_created, leases_renewed) = (counter(LEASES_CREATED), counter(LEASES_RENEWED));
        let (leases_revoked, leases_expired) = (counter(LEASES_REVOKED), counter(LEASES_EXPIRED));
        Self(Arc::new(Inner {
            recorder,
            handle,
            commit_seconds,
            batch_size,
            queue_depth,
            live_leases,
            tokens_issued,
            leases_created,
            leases_renewed,
            leases_revoked,
            leases_expired,
        }))
    }

    /// A request was answered; the outcome is its status code.
    pub fn request(&self, operation: &'static str, outcome_code: &'static str, took: Duration) {
        let operation = Label::from_static_parts("operation", operation);
        let outcome = Label::from_static_parts("outcome_code", outcome_code);
        self.counter(REQUESTS, vec![operation.clone(), outcome]).increment(1);
        let seconds = Key::from_parts(REQUEST_SECONDS.name, vec![operation]);
        self.0.recorder.register_histogram(&seconds, &METADATA).record(took);
    }

    /// A batch of mutations was committed.
    pub fn commit(&self, took: Duration, batch: usize) {
        self.0.commit_seconds.record(took);
        self.0.batch_size.record(figure(batch));
    }

    /// How many mutations wait for the committer.
    pub fn queue_depth(&self, waiting: usize) {
        self.0.queue_depth.set(figure(waiting));
    }

    /// How many leases are live.
    pub fn live_leases(&self, live: u64) {
        self.0.live_leases.set(figure(live));
    }

    /// The database failed, in this way.
    pub fn store_error(&self, kind: &'static str) {
        self.counter(STORE_ERRORS, vec![Label::from_static_parts("kind", kind)]).increment(1);
    }

    /// Access tokens were issued.
    pub fn tokens_issued(&self, count: u64) {
        self.0.tokens_issued.increment(count);
    }

    /// Leases were created.
    pub fn leases_created(&self, count: u64) {
        self.0.leases_created.increment(count);
    }

    /// Leases were renewed.
    pub fn leases_renewed(&self, count: u64) {
        self.0.leases_renewed.increment(count);
    }

    /// Leases were revoked.
    pub fn leases_revoked(&self, count: u64) {
        self.0.leases_revoked.increment(count);
    }

    /// Leases ran out.
    pub fn leases_expired(&self, count: u64) {
        self.0.leases_expired.increment(count);
    }

    /// The figures in Prometheus's text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.handle.render()
    }

    /// Folds recorded durations into their buckets. Rendering does so too; where nobody scrapes, memory would grow
    /// without this.
    pub fn upkeep(&self) {
        self.0.handle.run_upkeep();
    }

    fn counter(&self, metric: Metric, labels: Vec<Label>) -> Counter {
        self.0.recorder.register_counter(&Key::from_parts(metric.name, labels), &METADATA)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Figures without labels are looked up once, here; those with labels at every use.
struct Inner {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    commit_seconds: Histogram,
    batch_size: Histogram,
    queue_depth: Gauge,
    live_leases: Gauge,
    tokens_issued: Counter,
    leases_created: Counter,
    leases_renewed: Counter,
    leases_revoked: Counter,
    leases_expired: Counter,
}

fn recorder() -> PrometheusRecorder {
    let recorder = METRICS.iter().fold(PrometheusBuilder::new(), with_buckets).build_recorder();
    for metric in METRICS {
        let (name, help) = (KeyName::from_const_str(metric.name), metric.help.into());
        match metric.kind {
            MetricKind::Counter => recorder.describe_counter(name, None, help),
            MetricKind::Gauge => recorder.describe_gauge(name, None, help),
            MetricKind::Histogram(_) => recorder.describe_histogram(name, None, help),
        }
    }
    recorder
}

#[expect(
    clippy::expect_used,
    reason = "fails on an empty list of buckets alone; the lists below are constants"
)]
fn with_buckets(builder: PrometheusBuilder, metric: &Metric) -> PrometheusBuilder {
    let MetricKind::Histogram(buckets) = metric.kind else { return builder };
    builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets).expect("buckets")
}

fn key(metric: Metric) -> Key {
    Key::from_static_name(metric.name)
}

/// Prometheus's figures are floating-point numbers; counts beyond 2³² are not expected and saturate.
fn figure(count: impl TryInto<u32>) -> f64 {
    count.try_into().unwrap_or(u32::MAX).into()
}

const fn metric(name: &'static str, kind: MetricKind, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

/// Every metric there is.
pub const METRICS: &[Metric] = &[
    REQUESTS,
    REQUEST_SECONDS,
    COMMIT_SECONDS,
    BATCH_SIZE,
    QUEUE_DEPTH,
    LIVE_LEASES,
    STORE_ERRORS,
    TOKENS_ISSUED,
    LEASES_CREATED,
    LEASES_RENEWED,
    LEASES_REVOKED,
    LEASES_EXPIRED,
];

const REQUESTS: Metric = metric(
    "leasehold_requests_total",
    MetricKind::Counter,
    "HTTP requests answered, by operation and status code.",
);
const REQUEST_SECONDS: Metric = metric(
    "leasehold_request_seconds",
    MetricKind::Histogram(SECONDS),
    "How long requests took until their answer began, by operation.",
);
const COMMIT_SECONDS: Metric = metric(
    "leasehold_commit_seconds",
    MetricKind::Histogram(SECONDS),
    "How long the committer's batches took.",
);
const BATCH_SIZE: Metric =
    metric("leasehold_batch_size", MetricKind::Histogram(SIZES), "Mutations that shared one commit.");
const QUEUE_DEPTH: Metric =
    metric("leasehold_queue_depth", MetricKind::Gauge, "Mutations waiting for the committer.");
const LIVE_LEASES: Metric = metric("leasehold_live_leases", MetricKind::Gauge, "Leases that are live.");
const STORE_ERRORS: Metric =
    metric("leasehold_store_errors_total", MetricKind::Counter, "Failures of the database, by kind.");
const TOKENS_ISSUED: Metric =
    metric("leasehold_tokens_issued_total", MetricKind::Counter, "Access tokens issued.");
const LEASES_CREATED: Metric =
    metric("leasehold_leases_created_total", MetricKind::Counter, "Leases created.");
const LEASES_RENEWED: Metric =
    metric("leasehold_leases_renewed_total", MetricKind::Counter, "Leases renewed.");
const LEASES_REVOKED: Metric =
    metric("leasehold_leases_revoked_total", MetricKind::Counter, "Leases revoked.");
const LEASES_EXPIRED: Metric =
    metric("leasehold_leases_expired_total", MetricKind::Counter, "Leases that ran out.");

const SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_rendered_with_its_help() {
        let metrics = Metrics::new();
        metrics.request("create_lease", "ok", Duration::from_millis(3));
        metrics.request("create_lease", "forbidden", Duration::from_millis(30));
        metrics.commit(Duration::from_millis(1), 17);
        metrics.queue_depth(5);
        metrics.live_leases(u64::MAX);
        metrics.store_error("busy");
        metrics.leases_created(2);
        let text = metrics.render();
        for line in [
            "# HELP leasehold_leases_created_total Leases created.",
            "# TYPE leasehold_request_seconds histogram",
            "leasehold_requests_total{operation=\"create_lease\",outcome_code=\"forbidden\"} 1",
            "leasehold_request_seconds_bucket{operation=\"create_lease\",le=\"0.005\"} 1",
            "leasehold_request_seconds_count{operation=\"create_lease\"} 2",
            "leasehold_batch_size_bucket{le=\"16\"} 0",
            "leasehold_batch_size_bucket{le=\"32\"} 1",
            "leasehold_queue_depth 5",
            "leasehold_live_leases 4294967295",
            "leasehold_store_errors_total{kind=\"busy\"} 1",
            "leasehold_leases_created_total 2",
            "leasehold_leases_expired_total 0",
        ] {
            assert!(text.lines().any(|rendered| rendered == line), "{line}\n{text}");
        }
    }

    #[test]
    fn two_brokers_do_not_share_figures() {
        let (one, other) = (Metrics::new(), Metrics::new());
        let clone = one.clone();
        clone.tokens_issued(3);
        assert!(one.render().contains("leasehold_tokens_issued_total 3"));
        assert!(other.render().contains("leasehold_tokens_issued_total 0"));
    }
}
