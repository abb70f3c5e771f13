//! From variables to deposits: what of a file is a whole credential, and what is not, and why.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::secret::SecretText;

use super::{
    dotenv::Variable,
    recognised::{Named, Need, PLACEHOLDERS, RECOGNISED, Reads, Recognised},
};

/// What a file has.
#[derive(Debug)]
pub(super) struct Plan {
    /// Each service that it means, and what to do about it.
    pub(super) services: Vec<(&'static str, Planned)>,
    /// How many of its variables mean none.
    pub(super) unrecognised: usize,
}

/// What to do about a service.
#[derive(Debug)]
pub(super) enum Planned {
    /// Deposit this.
    Deposit(Deposit),
    /// Nothing: these are still to be filled in.
    Placeholder(Vec<&'static str>),
    /// Nothing: these are lacking.
    Incomplete(Vec<&'static str>),
    /// Nothing: it is something else.
    Otherwise(&'static str),
    /// Nothing: this cannot be read.
    Unreadable(&'static str),
}

/// A credential's fields. `Debug` shows their names alone.
pub(super) struct Deposit(pub(super) Map<String, Value>);

impl std::fmt::Debug for Deposit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Decides about each service. Of a variable that is set twice the last counts.
pub(super) fn plan(variables: Vec<Variable>) -> Plan {
    let all: BTreeMap<String, SecretText> =
        variables.into_iter().map(|Variable { name, value }| (name, value)).collect();
    let meant: Vec<&Recognised> = RECOGNISED.iter().filter(|service| is_meant(service, &all)).collect();
    let is_known =
        |name: &str| meant.iter().any(|service| service.variables.iter().any(|named| named.variable == name));
    let unrecognised = all.keys().filter(|name| !is_known(name)).count();
    Plan {
        services: meant.iter().map(|service| (service.service, decide(service, &all))).collect(),
        unrecognised,
    }
}

fn is_meant(service: &Recognised, all: &BTreeMap<String, SecretText>) -> bool {
    service.variables.iter().any(|named| named.need != Need::Shared && all.contains_key(named.variable))
}

fn decide(service: &Recognised, all: &BTreeMap<String, SecretText>) -> Planned {
    let given = |named: &&Named| all.contains_key(named.variable);
    let filled =
        |variable: &str| all.get(variable).map(SecretText::expose).filter(|text| !is_placeholder(text));
    let is_needed = |named: &&Named| match named.need {
        Need::Always | Need::Shared => true,
        Need::Without(other) => filled(other).is_none(),
        Need::UnlessNo(other) => filled(other).and_then(flag) != Some(false),
        Need::Optional => false,
    };
    let names = |named: &Named| named.variable;
    let only_optional = service.variables.iter().filter(given).all(|named| named.need == Need::Optional);
    let unfilled: Vec<&'static str> = service
        .variables
        .iter()
        .filter(|named| given(named) && filled(named.variable).is_none())
        .filter(|named| only_optional || is_needed(named))
        .map(names)
        .collect();
    if !unfilled.is_empty() {
        return Planned::Placeholder(unfilled);
    }
    if let Some(otherwise) = service.otherwise.filter(|_| only_optional) {
        return Planned::Otherwise(otherwise);
    }
    let lacking: Vec<&'static str> =
        service.variables.iter().filter(|named| is_needed(named) && !given(named)).map(names).collect();
    if !lacking.is_empty() {
        return Planned::Incomplete(lacking);
    }
    let mut fields = Map::new();
    for named in service.variables {
        let Some(text) = filled(named.variable) else { continue };
        match named.reads.value(text) {
            Some(value) => drop(fields.insert(named.field.to_owned(), value)),
            None => return Planned::Unreadable(named.variable),
        }
    }
    Planned::Deposit(Deposit(fields))
}

impl Reads {
    fn value(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::from(text)),
            Self::Flag => flag(text).map(Value::from),
            Self::AddressWithout(ends) => {
                let text = text.trim_end_matches('/');
                let short = ends.iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
                Some(Value::from(short))
            }
        }
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether somebody has yet to fill it in.
fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let is_bracketed = text.starts_with('<') && text.ends_with('>');
    text.is_empty() || is_bracketed || PLACEHOLDERS.iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::{super::dotenv::read, *};

    fn planned(text: &str) -> (Vec<String>, usize) {
        let Plan { services, unrecognised } = plan(read(text).unwrap());
        let told = services.iter().map(|(service, planned)| format!("{service} {planned:?}"));
        (told.collect(), unrecognised)
    }

    fn fields(text: &str) -> Value {
        match plan(read(text).unwrap()).services.pop() {
            Some((_, Planned::Deposit(Deposit(fields)))) => Value::Object(fields),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whole_credentials_are_told_from_parts() {
        for (text, expected) in [
            ("TODOIST_API_TOKEN=t", r#"todoist Deposit({"access_token"})"#),
            ("TODOIST_API_TOKEN=", r#"todoist Placeholder(["TODOIST_API_TOKEN"])"#),
            ("NOTION_API_TOKEN=Your_Token", r#"notion Placeholder(["NOTION_API_TOKEN"])"#),
            ("NOTION_DATABASE_ID=d", r#"notion Incomplete(["NOTION_API_TOKEN"])"#),
            ("NOTION_API_TOKEN=n\nNOTION_DATABASE_ID=<id>", r#"notion Deposit({"access_token"})"#),
            ("JIRA_API_TOKEN=t", r#"jira Incomplete(["JIRA_URL", "JIRA_EMAIL"])"#),
            (
                "JIRA_URL=u\nJIRA_API_TOKEN=t\nJIRA_CLOUD=False",
                r#"jira Deposit({"api_token", "cloud", "url"})"#,
            ),
            (
                "JIRA_URL=u\nJIRA_EMAIL=e\nJIRA_API_TOKEN=t\nJIRA_CLOUD=perhaps",
                r#"jira Unreadable("JIRA_CLOUD")"#,
            ),
            (
                "JIRA_URL=https://your-domain.atlassian.net\nJIRA_EMAIL=a@b.test\nJIRA_API_TOKEN=t",
                r#"jira Placeholder(["JIRA_URL"])"#,
            ),
            (
                "GOOGLE_CLIENT_ID=i\nGOOGLE_CLIENT_SECRET=s",
                r#"google Otherwise("an application, no credential: an operator registers it")"#,
            ),
            ("GOOGLE_CLIENT_ID=generate_me", r#"google Placeholder(["GOOGLE_CLIENT_ID"])"#),
            (
                "GOOGLE_CLIENT_ID=i\nGOOGLE_REFRESH_TOKEN=r",
                r#"google Deposit({"client_id", "refresh_token"})"#,
            ),
            ("GOOGLE_ACCESS_TOKEN=a\nGOOGLE_REFRESH_TOKEN=${X}", r#"google Deposit({"access_token"})"#),
            ("MCP_OAUTH_CLIENT_ID=i", r#"todo Incomplete(["MCP_OAUTH_CLIENT_SECRET", "API_BASE_URL"])"#),
            ("TRAY_REFRESH_TOKEN=r", r#"tray Incomplete(["TRAY_API_ADDRESS", "TRAY_STORE_ID"])"#),
        ] {
            assert_eq!(planned(text), (vec![expected.to_owned()], 0), "{text}");
        }
    }

    #[test]
    fn what_means_no_service_is_counted() {
        assert_eq!(planned("API_BASE_URL=u\nAPP_KEY=canary\nAPP_KEY=again"), (Vec::new(), 2));
        assert_eq!(
            planned("GITHUB_TOKEN=t\nX=y"),
            (vec![r#"github Deposit({"access_token"})"#.to_owned()], 1)
        );
    }

    #[test]
    fn placeholders_of_every_kind() {
        for text in [
            "",
            "  ",
            "<your token>",
            "YOUR_KEY",
            "your-key",
            "generate_a_key",
            "Change_This",
            "changeme1",
            "me@example.com",
            "xxxxxxxx",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["xxxx", "a<b>", "sk-live", "yours", "example"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn values_are_of_their_kind() {
        let todo = |base: &str| {
            fields(&format!("MCP_OAUTH_CLIENT_ID=i\nMCP_OAUTH_CLIENT_SECRET=s\nAPI_BASE_URL={base}"))["base_url"].clone()
        };
        for base in ["http://backend:8000/api/v1", "http://backend:8000/api/", "http://backend:8000"] {
            assert_eq!(todo(base), "http://backend:8000");
        }
        let jira = fields("JIRA_URL=u\nJIRA_EMAIL=e\nJIRA_API_TOKEN=a\nJIRA_API_TOKEN=b\nJIRA_CLOUD=1");
        assert_eq!((&jira["cloud"], &jira["api_token"]), (&Value::from(true), &Value::from("b")));
    }
}
