//! Which requests a fault is for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stage::call::Call;

/// What must be true of a request; what is left out is true of all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The method; `*` is any.
    #[serde(default)]
    pub method: Option<String>,
    /// The path; `*` in it stands for any text, slashes included.
    #[serde(default)]
    pub path: Option<String>,
    /// Parameters of the query or the body; `*` stands for any text.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

impl Match {
    pub(crate) fn matches(&self, call: &Call) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| glob(wanted, found));
        is(&self.method, call.method.as_str()) && is(&self.path, &call.path) && self.parameters_match(call)
    }

    fn parameters_match(&self, call: &Call) -> bool {
        if self.parameters.is_empty() {
            return true;
        }
        let found = [call.query.clone(), call.parameters()].concat();
        self.parameters
            .iter()
            .all(|(name, wanted)| found.iter().any(|(other, value)| other == name && glob(wanted, value)))
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(start) else { return false };
    loop {
        if glob(rest, left) {
            return true;
        }
        let mut characters = left.chars();
        if characters.next().is_none() {
            return false;
        }
        left = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_star_is_any_text() {
        assert!(glob("/s/*/web_api/auth", "/s/391250/web_api/auth"));
        assert!(glob("*", "") && glob("/a*", "/a") && glob("*/b*", "/a/b/c"));
        assert!(!glob("/s/*/web_api/auth", "/s/391250/web_api/auth/x"));
        assert!(!glob("/a", "/a/b"));
    }
}
