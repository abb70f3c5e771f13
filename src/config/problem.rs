//! What is wrong with a configuration, said so that the reader can mend it.

use std::{fmt, ops::RangeInclusive, path::PathBuf};

use super::settings;

/// One or more problems; `Display` lists them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    key: Option<String>,
    message: String,
}

/// Where a problem was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file; the line counts from 1 and is missing when the whole file is meant.
    File {
        /// As the operator named it.
        path: PathBuf,
        /// Counted from 1.
        line: Option<usize>,
    },
    /// In an environment variable of this name.
    Variable(String),
    /// In the settings as a whole, wherever each came from.
    Settings,
}

impl ConfigError {
    /// The problems, in the order of the settings.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// `Ok` if there are none.
    pub(super) fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

impl Problem {
    /// The setting it is about, as written in the file: `limits.burst`.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// A value that was understood but does not make sense.
    pub(super) fn setting(key: &str, message: impl Into<String>) -> Self {
        Self { place: Place::Settings, key: Some(key.to_owned()), message: message.into() }
    }

    /// A file, or a place in it, that was not understood.
    pub(super) const fn file(
        path: PathBuf,
        line: Option<usize>,
        key: Option<String>,
        message: String,
    ) -> Self {
        Self { place: Place::File { path, line }, key, message }
    }

    /// A variable whose value was not understood.
    pub(super) fn variable(key: &str, message: String) -> Self {
        Self { place: Place::Variable(settings::variable_name(key)), key: Some(key.to_owned()), message }
    }
}

impl std::error::Error for ConfigError {}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.message;
        match (&self.place, &self.key) {
            (Place::Settings, Some(key)) => {
                write!(f, "{key} ({}) {message}", settings::variable_name(key))
            }
            (Place::Settings, None) => f.write_str(message),
            (Place::Variable(name), _) => write!(f, "{name}: {message}"),
            (Place::File { path, line }, key) => {
                write!(f, "{}:", path.display())?;
                line.iter().try_for_each(|line| write!(f, "{line}:"))?;
                key.iter().try_for_each(|key| write!(f, " {key}:"))?;
                write!(f, " {message}")
            }
        }
    }
}

/// Adds a problem if the value lies outside the range.
pub(super) fn check_range(key: &str, value: u64, range: RangeInclusive<u64>, problems: &mut Vec<Problem>) {
    if !range.contains(&value) {
        let message = format!("is {value}; choose a value from {} to {}", range.start(), range.end());
        problems.push(Problem::setting(key, message));
    }
}
