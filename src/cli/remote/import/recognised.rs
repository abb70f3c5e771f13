//! Which variables of a worker's environment are which fields of which service. The one place that knows their names.

/// A service that workers are configured for by variables.
#[derive(Debug)]
pub(super) struct Recognised {
    /// As the catalog calls it.
    pub(super) service: &'static str,
    /// Its variables.
    pub(super) variables: &'static [Named],
    /// What it is when only variables are there that a credential does without.
    pub(super) otherwise: Option<&'static str>,
}

/// A variable, and the field that it is.
#[derive(Debug)]
pub(super) struct Named {
    /// Its name.
    pub(super) variable: &'static str,
    /// The field.
    pub(super) field: &'static str,
    /// Whether a credential is complete without it.
    pub(super) need: Need,
    /// How its text is read.
    pub(super) reads: Reads,
}

/// When a variable must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Always.
    Always,
    /// Always, but programs of other services have one of that name too: it alone means nothing.
    Shared,
    /// Unless this other one is there.
    Without(&'static str),
    /// Unless this other one is there and says no.
    UnlessNo(&'static str),
    /// Never.
    Optional,
}

/// How a text becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// As it is.
    Text,
    /// As true or false.
    Flag,
    /// As an address, of which the first of these ends is left out.
    AddressWithout(&'static [&'static str]),
}

/// Every one, in the order in which they are told.
pub(super) const RECOGNISED: &[Recognised] = &[
    service("todoist", &[needed("TODOIST_API_TOKEN", "access_token")]),
    service(
        "jira",
        &[
            needed("JIRA_URL", "url"),
            Named { need: Need::UnlessNo("JIRA_CLOUD"), ..needed("JIRA_EMAIL", "email") },
            needed("JIRA_API_TOKEN", "api_token"),
            Named { reads: Reads::Flag, ..optional("JIRA_CLOUD", "cloud") },
        ],
    ),
    service(
        "notion",
        &[needed("NOTION_API_TOKEN", "access_token"), optional("NOTION_DATABASE_ID", "database_id")],
    ),
    service(
        "sentry",
        &[
            needed("SENTRY_AUTH_TOKEN", "auth_token"),
            needed("SENTRY_ORG_SLUG", "org_slug"),
            optional("SENTRY_BASE_URL", "base_url"),
        ],
    ),
    service("openai", &[needed("OPENAI_API_KEY", "api_key")]),
    Recognised {
        otherwise: Some("an application, no credential: an operator registers it"),
        ..service(
            "google",
            &[
                optional("GOOGLE_CLIENT_ID", "client_id"),
                optional("GOOGLE_CLIENT_SECRET", "client_secret"),
                Named {
                    need: Need::Without("GOOGLE_ACCESS_TOKEN"),
                    ..needed("GOOGLE_REFRESH_TOKEN", "refresh_token")
                },
                Named {
                    need: Need::Without("GOOGLE_REFRESH_TOKEN"),
                    ..needed("GOOGLE_ACCESS_TOKEN", "access_token")
                },
            ],
        )
    },
    service(
        "orderdesk",
        &[
            needed("ORDERDESK_STORE_ID", "store_id"),
            needed("ORDERDESK_API_KEY", "api_key"),
            optional("ORDERDESK_BASE_URL", "base_url"),
        ],
    ),
    service("anthropic", &[needed("ANTHROPIC_API_KEY", "api_key")]),
    service("github", &[needed("GITHUB_TOKEN", "access_token")]),
    service(
        "todo",
        &[
            needed("MCP_OAUTH_CLIENT_ID", "client_id"),
            needed("MCP_OAUTH_CLIENT_SECRET", "client_secret"),
            Named {
                need: Need::Shared,
                // Workers are told where the API is, the broker where the service is.
                reads: Reads::AddressWithout(&["/api/v1", "/api"]),
                ..needed("API_BASE_URL", "base_url")
            },
        ],
    ),
    service(
        "tray",
        &[
            needed("TRAY_API_ADDRESS", "api_address"),
            needed("TRAY_STORE_ID", "store_id"),
            Named {
                need: Need::Without("TRAY_REFRESH_TOKEN"),
                ..needed("TRAY_ACCESS_TOKEN", "access_token")
            },
            optional("TRAY_REFRESH_TOKEN", "refresh_token"),
        ],
    ),
];

/// What values have in them, in any case, that somebody has yet to fill in.
pub(super) const PLACEHOLDERS: &[&str] =
    &["your_", "your-", "generate_", "change_this", "changeme", "example.", "xxxxx", "${"];

const fn service(service: &'static str, variables: &'static [Named]) -> Recognised {
    Recognised { service, variables, otherwise: None }
}

const fn needed(variable: &'static str, field: &'static str) -> Named {
    Named { variable, field, need: Need::Always, reads: Reads::Text }
}

const fn optional(variable: &'static str, field: &'static str) -> Named {
    Named { need: Need::Optional, ..needed(variable, field) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::model::catalog::{Catalog, FieldKind};

    use super::*;

    #[test]
    fn the_table_goes_with_the_catalog() {
        let mut seen = BTreeSet::new();
        for Recognised { service, variables, .. } in RECOGNISED {
            let known = Catalog::built_in().find(&service.parse().unwrap()).unwrap();
            for named in *variables {
                let field = known.fields.iter().find(|field| field.name == named.field).unwrap();
                assert_eq!(
                    field.kind == FieldKind::Boolean,
                    named.reads == Reads::Flag,
                    "{}",
                    named.variable
                );
                assert!(seen.insert(named.variable), "{} is named twice", named.variable);
                if let Need::Without(other) | Need::UnlessNo(other) = named.need {
                    assert!(variables.iter().any(|named| named.variable == other), "{other}");
                }
            }
            for field in known.fields.iter().filter(|field| field.required) {
                let named = variables.iter().find(|named| named.field == field.name);
                let need = named.map(|named| named.need);
                assert!(matches!(need, Some(Need::Always | Need::Shared)), "{service}.{}", field.name);
            }
        }
    }
}
