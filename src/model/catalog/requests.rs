//! How a service's requests carry a credential, where they may go, and which of them tells whether it works.

use serde::Deserialize;
use serde_json::Value;

use super::{Condition, template::Template};

/// One thing that a credential adds to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// What.
    pub what: Attached,
    /// Only then.
    pub when: Option<Condition>,
}

/// What a credential adds to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Attached {
    /// A header.
    Header {
        /// Its name.
        name: Template,
        /// Its value.
        value: Template,
    },
    /// Every header of a field that holds headers.
    Headers(String),
    /// HTTP's basic authentication (RFC 7617).
    Basic {
        /// Who.
        user: Template,
        /// The password.
        password: Template,
    },
    /// A parameter of the query.
    Query {
        /// Its name.
        name: String,
        /// Its value.
        value: Template,
    },
}

/// A request that tells whether a credential works: any 2xx means that it does, 401 and 403 that it does not.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// What is asked with GET.
    pub url: Template,
    /// What a good answer says, for services that answer 200 whatever happens.
    pub expects: Option<Expectation>,
}

/// A value in a JSON answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Where (a JSON pointer, RFC 6901).
    pub at: String,
    /// The value.
    pub is: Value,
}

/// An attachment, as a file has it: one of several sets of keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    header: Option<Template>,
    headers: Option<String>,
    query: Option<String>,
    user: Option<Template>,
    password: Option<Template>,
    value: Option<Template>,
    when: Option<Condition>,
}

impl Described {
    /// The attachment; none when the keys don't go together.
    pub(super) fn read(self) -> Option<Attachment> {
        let Self { header, headers, query, user, password, value, when } = self;
        let what = match (header, headers, query, user, password, value) {
            (Some(name), None, None, None, None, Some(value)) => Attached::Header { name, value },
            (None, Some(field), None, None, None, None) => Attached::Headers(field),
            (None, None, Some(name), None, None, Some(value)) => Attached::Query { name, value },
            (None, None, None, Some(user), Some(password), None) => Attached::Basic { user, password },
            _ => return None,
        };
        Some(Attachment { what, when })
    }
}

impl Attachment {
    /// The fields that it takes values from.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match &self.what {
            Attached::Header { name, value } => name.names().chain(value.names()).collect(),
            Attached::Headers(field) => vec![field],
            Attached::Basic { user, password } => user.names().chain(password.names()).collect(),
            Attached::Query { value, .. } => value.names().collect(),
        }
    }

    /// What it is, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.what {
            Attached::Header { .. } | Attached::Headers(_) => "header",
            Attached::Basic { .. } => "basic",
            Attached::Query { .. } => "query",
        }
    }
}
