//! What is counted and measured, and its rendering for Prometheus.
//!
//! The recorder belongs to a [`Metrics`] value, not to the process, so that two brokers, or two tests, never share
//! figures. Labels are static text: they can name an operation or a kind, never a client or a user. What is frequent
//! is looked up once and kept; what is rare is looked up where it happens.

mod catalog;
mod chore;
mod requests;

use std::{fmt, sync::Arc, time::Duration};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::model::instant::Instant;

pub use self::{
    catalog::{METRICS, Metric, MetricKind},
    chore::ChoreFigures,
    requests::{Outcome, RequestFigures, Transport},
};
#[cfg(test)]
pub(super) use requests::UNMATCHED;

/// The figures of one broker. Cheap to clone; the clones share the figures.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

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
        let (commit_seconds, batch_size) =
            (histogram(catalog::COMMIT_SECONDS), histogram(catalog::BATCH_SIZE));
        let (queue_depth, live_leases) = (gauge(catalog::QUEUE_DEPTH), gauge(catalog::LIVE_LEASES));
        let tokens_issued = counter(catalog::TOKENS_ISSUED);
        let (leases_created, leases_renewed) =
            (counter(catalog::LEASES_CREATED), counter(catalog::LEASES_RENEWED));
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
        }))
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
        self.counter(catalog::STORE_ERRORS, [("kind", kind)]).increment(1);
    }

    /// Tokens were issued.
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

    /// Leases ended, for this reason.
    pub fn leases_ended(&self, reason: &'static str, count: u64) {
        self.counter(catalog::LEASES_ENDED, [("reason", reason)]).increment(count);
    }

    /// Audit records of an event were written.
    pub fn audit_records(&self, event: &'static str, result: &'static str, count: u64) {
        self.counter(catalog::AUDIT_RECORDS, [("event", event), ("result", result)]).increment(count);
    }

    /// The head of this process's audit chain was signed.
    pub fn audit_checkpoint(&self, at: Instant) {
        self.gauge(catalog::AUDIT_CHECKPOINT, []).set(timestamp(at));
    }

    /// The signing keys: how many are published, and when the one that signs was made.
    pub fn signing_keys(&self, published: usize, signing_since: Option<Instant>) {
        self.gauge(catalog::SIGNING_KEYS, []).set(figure(published));
        if let Some(at) = signing_since {
            self.gauge(catalog::SIGNING_KEY_CREATED, []).set(timestamp(at));
        }
    }

    /// How many root keys there are.
    pub fn root_keys(&self, count: usize) {
        self.gauge(catalog::ROOT_KEYS, []).set(figure(count));
    }

    /// The data keys: how many the first root key wraps, how many another one, and when the oldest was made.
    pub fn data_keys(&self, first: u64, other: u64, oldest: Option<Instant>) {
        self.gauge(catalog::DATA_KEYS, [("root_key", "first")]).set(figure(first));
        self.gauge(catalog::DATA_KEYS, [("root_key", "other")]).set(figure(other));
        if let Some(at) = oldest {
            self.gauge(catalog::DATA_KEY_CREATED, []).set(timestamp(at));
        }
    }

    /// What runs, since when.
    pub fn process(&self, version: &'static str, database: &'static str, started_at: Instant) {
        self.gauge(catalog::BUILD_INFO, [("version", version), ("database", database)]).set(1.0);
        self.gauge(catalog::PROCESS_START, []).set(timestamp(started_at));
    }

    /// What the process uses, as far as the system tells.
    pub fn resources(&self, memory_bytes: Option<u64>, open_files: Option<u64>) {
        if let Some(bytes) = memory_bytes {
            // Kibibytes fit; the figure is rounded to them anyway.
            self.gauge(catalog::PROCESS_MEMORY, []).set(figure(bytes / 1_024) * 1_024.0);
        }
        if let Some(files) = open_files {
            self.gauge(catalog::PROCESS_FILES, []).set(figure(files));
        }
    }

    /// The figures of a chore. The name must come from a list in the code.
    #[must_use]
    pub fn chore(&self, name: &'static str) -> ChoreFigures {
        ChoreFigures::new(self, name)
    }

    /// The figures of a way in. The operations must come from a list in the code.
    pub fn requests(
        &self,
        transport: &'static Transport,
        operations: impl Iterator<Item = &'static str>,
    ) -> RequestFigures {
        RequestFigures::new(self.clone(), transport, operations)
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

    fn counter<const N: usize>(&self, metric: Metric, labels: [(&'static str, &'static str); N]) -> Counter {
        self.0.recorder.register_counter(&labelled(metric, labels), &METADATA)
    }

    fn gauge<const N: usize>(&self, metric: Metric, labels: [(&'static str, &'static str); N]) -> Gauge {
        self.0.recorder.register_gauge(&labelled(metric, labels), &METADATA)
    }

    fn histogram<const N: usize>(
        &self,
        metric: Metric,
        labels: [(&'static str, &'static str); N],
    ) -> Histogram {
        self.0.recorder.register_histogram(&labelled(metric, labels), &METADATA)
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

/// Figures without labels, looked up once, and the registry for the others.
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
    reason = "fails on an empty list of buckets alone; the lists of the catalog are constants"
)]
fn with_buckets(builder: PrometheusBuilder, metric: &Metric) -> PrometheusBuilder {
    let MetricKind::Histogram(buckets) = metric.kind else { return builder };
    builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets).expect("buckets")
}

fn key(metric: Metric) -> Key {
    Key::from_static_name(metric.name)
}

/// Labels that are not those of the catalog are a fault of this folder, which its tests find.
fn labelled<const N: usize>(metric: Metric, labels: [(&'static str, &'static str); N]) -> Key {
    debug_assert!(labels.iter().map(|(name, _)| name).eq(metric.labels), "{}", metric.name);
    let labels = labels.into_iter().map(|(name, value)| Label::from_static_parts(name, value));
    Key::from_parts(metric.name, labels.collect::<Vec<_>>())
}

/// Prometheus's figures are floating-point numbers; counts beyond 2³² are not expected and saturate.
fn figure(count: impl TryInto<u32>) -> f64 {
    count.try_into().unwrap_or(u32::MAX).into()
}

/// Whole seconds since 1970, as Prometheus's own functions expect them; good until 2106.
fn timestamp(at: Instant) -> f64 {
    figure(at.unix_seconds())
}

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_rendered_with_its_help() {
        let metrics = Metrics::new();
        let at = Instant::from_micros(1_800_000_000_900_000);
        metrics.commit(Duration::from_millis(1), 17);
        metrics.queue_depth(5);
        metrics.live_leases(u64::MAX);
        metrics.store_error("busy");
        metrics.leases_created(2);
        metrics.leases_ended("expired", 3);
        metrics.audit_records("lease_created", "success", 2);
        metrics.audit_checkpoint(at);
        metrics.signing_keys(2, Some(at));
        metrics.root_keys(1);
        metrics.data_keys(4, 1, None);
        metrics.process("1.2.3", "sqlite", at);
        metrics.resources(Some(5_000), None);
        let chore = metrics.chore("prune");
        chore.succeeded(Duration::from_millis(250), at);
        chore.failed(Duration::from_millis(500));
        let text = metrics.render();
        for line in [
            "# HELP leasehold_leases_created_total Leases taken, reused ones not counted.",
            "# TYPE leasehold_commit_seconds histogram",
            "leasehold_batch_size_bucket{le=\"16\"} 0",
            "leasehold_batch_size_bucket{le=\"32\"} 1",
            "leasehold_queue_depth 5",
            "leasehold_live_leases 4294967295",
            "leasehold_store_errors_total{kind=\"busy\"} 1",
            "leasehold_leases_created_total 2",
            "leasehold_leases_ended_total{reason=\"expired\"} 3",
            "leasehold_audit_records_total{event=\"lease_created\",result=\"success\"} 2",
            "leasehold_audit_checkpoint_timestamp_seconds 1800000000",
            "leasehold_signing_key_created_timestamp_seconds 1800000000",
            "leasehold_data_keys{root_key=\"other\"} 1",
            "leasehold_build_info{version=\"1.2.3\",database=\"sqlite\"} 1",
            "process_resident_memory_bytes 4096",
            "leasehold_chore_runs_total{chore=\"prune\",result=\"failed\"} 1",
            "leasehold_chore_seconds{chore=\"prune\"} 0.5",
            "leasehold_chore_last_success_timestamp_seconds{chore=\"prune\"} 1800000000",
        ] {
            assert!(text.lines().any(|rendered| rendered == line), "{line}\n{text}");
        }
        assert!(!text.contains("process_open_fds"), "what is not known is not shown");
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
