//! `[telemetry]`: what is logged, and how.

use std::{fmt, str::FromStr, time::Duration};

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use super::problem::{self, Problem};

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// How a record is written.
    pub log_format: LogFormat,
    /// Which records are written: `level` or `module=level`, separated by commas.
    pub log_filter: String,
    /// From how many milliseconds on a call or a commit is logged as slow; 0 never.
    pub slow_operation_ms: u32,
}

/// How a log record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for programs.
    Json,
    /// One line of text, for people at a terminal.
    Pretty,
}

/// What is logged unless told otherwise: the scheduler of chores tells its own workings at `info`.
pub(super) const DEFAULT_FILTER: &str = "info,tokio_cron_scheduler=warn";

/// The text names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a log format: expected `json` or `pretty`")]
pub struct ParseLogFormatError;

impl TelemetryConfig {
    /// From when on a call or a commit is slow.
    #[must_use]
    pub fn slow(&self) -> Option<Duration> {
        (self.slow_operation_ms > 0).then(|| Duration::from_millis(self.slow_operation_ms.into()))
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if let Err(error) = EnvFilter::builder().parse(&self.log_filter) {
            let message = format!("is no filter ({error}); write `info` or `info,leasehold=debug`");
            problems.push(Problem::setting("telemetry.log_filter", message));
        }
        let (key, limit) = ("telemetry.slow_operation_ms", self.slow_operation_ms.into());
        problem::check_range(key, limit, 0..=600_000, problems);
    }
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log_format: LogFormat::Json, log_filter: DEFAULT_FILTER.to_owned(), slow_operation_ms: 500 }
    }
}

impl FromStr for LogFormat {
    type Err = ParseLogFormatError;

    fn from_str(text: &str) -> Result<Self, ParseLogFormatError> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(ParseLogFormatError),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
        })
    }
}
