//! Where variables come from: the process's environment, or a map in tests.

use std::{collections::BTreeMap, env};

/// The value of one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// Not set.
    Unset,
    /// Set to this text.
    Text(String),
    /// Set to bytes that are not UTF-8.
    NotUnicode,
}

/// A source of variables.
pub trait Source {
    /// Looks one up by its exact name.
    fn variable(&self, name: &str) -> Variable;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment;

impl Source for Environment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn variable(&self, name: &str) -> Variable {
        match env::var(name) {
            Ok(text) => Variable::Text(text),
            Err(env::VarError::NotPresent) => Variable::Unset,
            Err(env::VarError::NotUnicode(_)) => Variable::NotUnicode,
        }
    }
}

impl Source for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Variable {
        self.get(name).cloned().map_or(Variable::Unset, Variable::Text)
    }
}
