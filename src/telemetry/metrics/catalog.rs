//! The one list of metrics: name, kind, unit, labels, meaning. `docs/telemetry.md` repeats it, and a test compares them.

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// As Prometheus sees it.
    pub name: &'static str,
    /// What kind of figure it is.
    pub kind: MetricKind,
    /// What its values are measured in.
    pub unit: &'static str,
    /// The labels of each of its series. Their values come from lists in the code, never from a caller.
    pub labels: &'static [&'static str],
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

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident $(($buckets:ident))?, $unit:literal, $labels:expr, $help:literal;)*) => {
        $(pub(super) const $constant: Metric = Metric {
            name: $name,
            kind: MetricKind::$kind $(($buckets))?,
            unit: $unit,
            labels: &$labels,
            help: $help,
        };)*

        /// Every metric there is.
        pub const METRICS: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    REQUESTS = "leasehold_requests_total", Counter, "requests", ["transport", "operation", "status"],
        "Requests answered, by the status of the answer.";
    REQUEST_SECONDS = "leasehold_request_seconds", Histogram(SECONDS), "seconds",
        ["transport", "operation", "outcome"], "Time from a request's head to its answer's head.";
    REFUSALS = "leasehold_refusals_total", Counter, "requests", ["transport", "code"],
        "Requests that were answered with an error, by its stable code.";
    AUTH_FAILURES = "leasehold_auth_failures_total", Counter, "requests", ["transport", "reason"],
        "Requests whose caller could not prove who it is.";

    COMMIT_SECONDS = "leasehold_commit_seconds", Histogram(SECONDS), "seconds", [],
        "Time that a batch of writes took, from its begin to its answer.";
    BATCH_SIZE = "leasehold_batch_size", Histogram(SIZES), "writes", [], "Writes that shared one commit.";
    QUEUE_DEPTH = "leasehold_queue_depth", Gauge, "writes", [], "Writes that wait for the committer of this process.";
    STORE_ERRORS = "leasehold_store_errors_total", Counter, "failures", ["kind"],
        "Batches that failed, commits that stayed in doubt, and writes that found the queue full.";

    LIVE_LEASES = "leasehold_live_leases", Gauge, "leases", [], "Leases that are live, in the whole database.";
    LEASES_CREATED = "leasehold_leases_created_total", Counter, "leases", [], "Leases taken, reused ones not counted.";
    LEASES_RENEWED = "leasehold_leases_renewed_total", Counter, "leases", [], "Renewals.";
    LEASES_ENDED = "leasehold_leases_ended_total", Counter, "leases", ["reason"], "Leases marked as ended.";
    TOKENS_ISSUED = "leasehold_tokens_issued_total", Counter, "tokens", [], "Access tokens and MCP tokens issued.";

    AUDIT_RECORDS = "leasehold_audit_records_total", Counter, "records", ["event", "result"],
        "Audit records written by this process.";
    AUDIT_CHECKPOINT = "leasehold_audit_checkpoint_timestamp_seconds", Gauge, "seconds since 1970", [],
        "When this process last signed the head of its audit chain.";

    SIGNING_KEY_CREATED = "leasehold_signing_key_created_timestamp_seconds", Gauge, "seconds since 1970", [],
        "When the key that signs access tokens was made.";
    SIGNING_KEYS = "leasehold_signing_keys", Gauge, "keys", [], "Signing keys that are published.";
    ROOT_KEYS = "leasehold_root_keys", Gauge, "keys", [], "Root keys that this process was given.";
    DATA_KEYS = "leasehold_data_keys", Gauge, "keys", ["root_key"],
        "Data keys, by whether the first root key wraps them, as of the last rewrapping.";
    DATA_KEY_CREATED = "leasehold_oldest_data_key_created_timestamp_seconds", Gauge, "seconds since 1970", [],
        "When the oldest data key was made, as of the last rewrapping.";

    CHORE_RUNS = "leasehold_chore_runs_total", Counter, "runs", ["chore", "result"], "Runs of a chore that ended.";
    CHORE_SECONDS = "leasehold_chore_seconds", Gauge, "seconds", ["chore"], "Time that a chore's last run took.";
    CHORE_SUCCESS = "leasehold_chore_last_success_timestamp_seconds", Gauge, "seconds since 1970", ["chore"],
        "When a chore last ended well.";

    BUILD_INFO = "leasehold_build_info", Gauge, "1", ["version", "database"], "What runs here.";
    PROCESS_START = "process_start_time_seconds", Gauge, "seconds since 1970", [], "When the process started.";
    PROCESS_MEMORY = "process_resident_memory_bytes", Gauge, "bytes", [], "Memory of the process that is resident. Linux.";
    PROCESS_FILES = "process_open_fds", Gauge, "descriptors", [], "Open file descriptors of the process. Linux.";
}

const SECONDS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];
