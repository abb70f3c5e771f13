//! What a credential adds to a request, written out.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use url::Url;

use crate::model::{
    catalog::{
        Condition, Service,
        requests::{Attached, Attachment},
    },
    secret::SecretText,
};

/// What is added to a request.
#[derive(Debug, Default)]
pub struct Attachments {
    /// Headers.
    pub headers: Vec<(String, SecretText)>,
    /// Parameters of the query.
    pub query: Vec<(String, SecretText)>,
}

/// Writes out what a credential adds to a request. A value that is not there leaves out what needs it.
#[must_use]
pub fn attachments(service: &Service, values: &Map<String, Value>) -> Attachments {
    let mut all = Attachments::default();
    for Attachment { what, when } in &service.authentication {
        if when.as_ref().is_none_or(|when| holds(when, values)) {
            attach(&mut all, what, service, values);
        }
    }
    all
}

/// The hosts that a credential may be sent to.
#[must_use]
pub fn hosts(service: &Service, values: &Map<String, Value>) -> Vec<String> {
    let filled = service.hosts.iter().filter_map(|host| host.fill(|name| service.value(values, name)).ok());
    let named = |text: String| match Url::parse(&text) {
        Ok(url) if url.has_host() => authority(&url),
        _ => text,
    };
    filled.map(named).collect()
}

/// What borrowers of a service get that wants its headers ready to send: the kind of authentication, the headers, and the
/// hosts that they may go to.
#[must_use]
pub fn ready_to_send(service: &Service, values: &Map<String, Value>) -> Map<String, Value> {
    let headers: Map<String, Value> = attachments(service, values)
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), json!(value.expose())))
        .collect();
    let mut ready = Map::new();
    ready.insert("auth_type".to_owned(), json!(auth_type(service)));
    ready.insert("headers".to_owned(), Value::Object(headers));
    ready.insert("allowed_hosts".to_owned(), json!(hosts(service, values)));
    ready
}

/// How workers of many APIs tell credentials apart.
fn auth_type(service: &Service) -> &'static str {
    match service.authentication.first().map(|attachment| &attachment.what) {
        Some(Attached::Basic { .. }) => "basic",
        Some(Attached::Headers(_)) => "custom",
        Some(Attached::Header { value, .. }) if value.to_string().starts_with("Bearer ") => "bearer",
        _ => "api_key",
    }
}

fn attach(all: &mut Attachments, what: &Attached, service: &Service, values: &Map<String, Value>) {
    let value = |name: &str| service.value(values, name);
    match what {
        Attached::Header { name, value: text } => {
            if let (Ok(name), Ok(text)) = (name.fill(value), text.fill(value)) {
                all.headers.push((name, SecretText::new(text)));
            }
        }
        Attached::Headers(field) => {
            let headers = values.get(field).and_then(Value::as_object).into_iter().flatten();
            let texts = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            all.headers.extend(texts.map(|(name, text)| (name, SecretText::new(text))));
        }
        Attached::Basic { user, password } => {
            if let (Ok(user), Ok(password)) = (user.fill(value), password.fill(value)) {
                all.headers.push(("Authorization".to_owned(), basic(&user, &password)));
            }
        }
        Attached::Query { name, value: text } => {
            if let Ok(text) = text.fill(value) {
                all.query.push((name.clone(), SecretText::new(text)));
            }
        }
    }
}

/// HTTP's basic authentication (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> SecretText {
    let pair = SecretText::new(format!("{user}:{password}"));
    SecretText::new(format!("Basic {}", STANDARD.encode(pair.expose())))
}

fn holds(condition: &Condition, values: &Map<String, Value>) -> bool {
    values.get(&condition.field) == Some(&condition.is)
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::Catalog;

    fn ready(service: &str, values: &Value) -> Value {
        let service = Catalog::built_in().find(&service.parse().expect("a name")).expect("built in");
        Value::Object(ready_to_send(service, values.as_object().expect("an object")))
    }

    #[test]
    fn the_four_kinds_of_headers() {
        let base = "https://api.example.com:8443/v1";
        for (service, values, auth_type, headers) in [
            ("bearer", json!({ "token": "t" }), "bearer", json!({ "Authorization": "Bearer t" })),
            (
                "basic",
                json!({ "username": "user", "password": "pass" }),
                "basic",
                json!({ "Authorization": "Basic dXNlcjpwYXNz" }),
            ),
            (
                "api_key",
                json!({ "header": "X-API-Key", "value": "a:b:c" }),
                "api_key",
                json!({ "X-API-Key": "a:b:c" }),
            ),
            (
                "custom_headers",
                json!({ "headers": { "X-A": "1", "X-B": "2" } }),
                "custom",
                json!({ "X-A": "1", "X-B": "2" }),
            ),
        ] {
            let mut values = values;
            values["base_url"] = json!(base);
            let expected = json!({ "auth_type": auth_type, "headers": headers, "allowed_hosts": ["api.example.com:8443"] });
            assert_eq!(ready(service, &values), expected, "{service}");
        }
    }

    #[test]
    fn conditions_choose() {
        let service = Catalog::built_in().find(&"jira".parse().expect("a name")).expect("built in");
        let values =
            |cloud: bool| json!({ "email": "jira@dev-team.local", "api_token": "tok", "cloud": cloud });
        for (cloud, expected) in [(true, "Basic amlyYUBkZXYtdGVhbS5sb2NhbDp0b2s="), (false, "Bearer tok")] {
            let all = attachments(service, values(cloud).as_object().expect("an object"));
            let headers: Vec<(&str, &str)> =
                all.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
            assert_eq!(headers, [("Authorization", expected)]);
        }
    }

    #[test]
    fn hosts_come_from_fields_names_and_what_is_assumed() {
        let hosts = |service: &str, values: &Value| {
            let service = Catalog::built_in().find(&service.parse().expect("a name")).expect("built in");
            hosts(service, values.as_object().expect("an object"))
        };
        assert_eq!(hosts("notion", &json!({})), ["api.notion.com"]);
        assert_eq!(hosts("openai", &json!({})), ["api.openai.com"]);
        assert_eq!(hosts("openai", &json!({ "base_url": "https://ai.example.com/v1" })), ["ai.example.com"]);
        assert_eq!(hosts("bearer", &json!({})), Vec::<String>::new());
    }
}
