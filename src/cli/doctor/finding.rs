//! Findings: what a check came to, and what to do about it. Never a secret.

use std::fmt::Write as _;

use serde::Serialize;

use crate::model::words::counted;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, and may not go on to.
    Warning,
    /// It does not work, or is not safe.
    Problem,
}

/// What one check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: &'static str,
    /// How bad it is.
    pub(super) level: Level,
    /// What was found.
    pub(super) what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, what: what.into(), advice: None }
    }

    pub(super) fn warning(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, what: what.into(), advice: Some(advice.into()) }
    }

    pub(super) fn problem(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Problem, what: what.into(), advice: Some(advice.into()) }
    }
}

impl Report {
    pub(super) fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    pub(super) fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for Finding { check, level, what, advice } in &self.findings {
            let level = match level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Problem => "PROBLEM",
            };
            // Writing to a String does not fail.
            let _ = writeln!(text, "{level:<8} {check:<14} {what}");
            if let Some(advice) = advice {
                let _ = writeln!(text, "{:<23} do: {advice}", "");
            }
        }
        let problems = counted(self.count(Level::Problem), "problem");
        let _ = writeln!(text, "{problems}, {}", counted(self.count(Level::Warning), "warning"));
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "problems": self.count(Level::Problem),
            "warnings": self.count(Level::Warning),
            "findings": self.findings,
        })
    }
}
