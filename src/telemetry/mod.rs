//! Logs, metrics, request ids and the measuring of durations.
//!
//! This room knows how things are written down, not what happens: callers name operations and outcomes, and never put
//! a secret, a client or a user into a label.

mod access;
mod metrics;
mod process;
mod request_id;
mod stopwatch;
#[cfg(test)]
mod testing;
mod trace;

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::ParseError,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use self::{
    access::{Access, Answer, Chain, Observation},
    metrics::{
        ChoreFigures, METRICS, Metric, MetricKind, Metrics, Outcome, RequestFigures, Transport, UPKEEP_PERIOD,
    },
    process::Resources,
    request_id::{ParseRequestIdError, REQUEST_ID_HEADER, RequestId, is_request_id},
    stopwatch::Stopwatch,
    trace::{CallTrace, Spent, current_request_id, note_principal, note_unproven},
};
use crate::config::LogFormat;

/// Whether this call decided where the process logs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// It did.
    Now,
    /// An earlier call had; nothing was changed.
    Before,
}

/// Sends the process's logs to the writer, usually `std::io::stderr`. The first call decides; later ones change
/// nothing.
///
/// # Errors
/// The filter is malformed.
pub fn init<W>(format: LogFormat, filter: &str, writer: W) -> Result<Installed, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let subscriber = subscriber(format, filter, io::stderr().is_terminal(), writer)?;
    Ok(match subscriber.try_init() {
        Ok(()) => Installed::Now,
        Err(_) => Installed::Before,
    })
}

/// What [`init`] installs, for tests that look at one thread's logs. Colours are used in the pretty format alone.
///
/// # Errors
/// The filter is malformed.
pub fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    colours: bool,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + use<W>, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(filter)?;
    let lines = fmt::layer().with_writer(writer);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_span_list(false)),
        LogFormat::Pretty => Box::new(lines.compact().with_ansi(colours)),
    };
    Ok(tracing_subscriber::registry().with(layer).with(filter))
}

#[cfg(test)]
mod tests {
    use super::{testing::logged, *};

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged(LogFormat::Json, "info", || {
            tracing::info!(lease_id = "lse_1", batch = 3, "committed\nindeed");
            tracing::debug!("left out");
            tracing::warn!("second");
        });
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["message"], "committed\nindeed");
        assert_eq!(lines[0]["lease_id"], "lse_1");
        assert_eq!(lines[0]["batch"], 3);
        assert!(lines[0]["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn pretty_is_text() {
        let text = logged(LogFormat::Pretty, "info", || tracing::info!(batch = 3, "committed"));
        assert!(text.contains("INFO") && text.contains("committed batch=3"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn installing_twice_changes_nothing_and_a_bad_filter_is_an_error() {
        let first = init(LogFormat::Json, "off", io::sink);
        let second = init(LogFormat::Pretty, "info", io::sink);
        assert!(first.is_ok());
        assert_eq!(second.unwrap(), Installed::Before);
        assert!(init(LogFormat::Json, "leasehold=loud=very", io::sink).is_err());
    }
}
