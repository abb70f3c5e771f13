//! `[telemetry]`: what is logged, and how.

use std::{fmt, str::FromStr};

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use super::problem::Problem;

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// How a record is written.
    pub log_format: LogFormat,
    /// Which records are written: `level` or `module=level`, separated by commas.
    pub log_filter: String,
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
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if let Err(error) = EnvFilter::builder().parse(&self.log_filter) {
            let message = format!("is no filter ({error}); write `info` or `info,leasehold=debug`");
            problems.push(Problem::setting("telemetry.log_filter", message));
        }
    }
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log_format: LogFormat::Json, log_filter: DEFAULT_FILTER.to_owned() }
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
