//! What came of each service, as a table or as JSON. No value of the file is in it.

use serde::Serialize;
use serde_json::Value;

use crate::model::words::counted;

use super::super::table::padded;

/// What came of a file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) services: Vec<Row>,
    /// Variables that mean no service.
    pub(super) unrecognised: usize,
}

/// What came of a service.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) service: &'static str,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) credential_id: Option<String>,
}

/// In a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It was deposited.
    Imported,
    /// It would be.
    Importable,
    /// There is one of this service and account.
    Exists,
    /// The broker, or the service itself, does not take it.
    Refused,
    /// Nobody knows: the broker was not reached, or has a fault.
    Failed,
    /// It is still to be filled in, or something else.
    Skipped,
    /// Something lacks.
    Incomplete,
}

impl Report {
    /// Whether the file's credentials are where they should be, as far as they are credentials.
    pub(super) fn is_good(&self) -> bool {
        !self.services.iter().any(|row| matches!(row.outcome, Outcome::Refused | Outcome::Failed))
    }

    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        if self.services.is_empty() {
            lines.push("no service that is known".to_owned());
        } else {
            let head = ("SERVICE", "OUTCOME", "DETAIL");
            let rows =
                self.services.iter().map(|row| (row.service, row.outcome.as_str(), row.detail.as_str()));
            let all: Vec<(&str, &str, &str)> = std::iter::once(head).chain(rows).collect();
            let width =
                |cell: fn(&(&str, &str, &str)) -> usize| all.iter().map(cell).max().unwrap_or_default();
            let (first, second) = (width(|row| row.0.len()), width(|row| row.1.len()));
            // Not cut to the terminal: what is to be mended stands at the end.
            let line = |(service, outcome, detail): &(&str, &str, &str)| {
                format!("{}  {}  {detail}", padded(service, first), padded(outcome, second))
                    .trim_end()
                    .to_owned()
            };
            lines.extend(all.iter().map(line));
        }
        if self.unrecognised > 0 {
            lines.push(format!("{} of no known service", counted(self.unrecognised, "variable")));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Importable => "importable",
            Self::Exists => "exists",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Incomplete => "incomplete",
        }
    }
}

/// What is said of a credential that was deposited.
pub(super) fn stored(answer: &Value) -> String {
    match (answer.get("validation").and_then(Value::as_str), answer.get("validation_detail")) {
        (Some("works"), _) => "it works".to_owned(),
        (Some("untried"), _) => "untried: nothing is known to try it with".to_owned(),
        (Some(_), Some(Value::String(why))) => format!("whether it works is unknown: {why}"),
        (Some(_), _) => "whether it works is unknown".to_owned(),
        (None, _) => "not tried".to_owned(),
    }
}
