//! What of a request is secret: recorded requests show fingerprints in its place, and the fault `echo_secrets` shows
//! it as careless services do.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{
    call::{Call, Pairs},
    random::fingerprint,
};

/// Every secret of the request, as it was before any encoding; that of Basic authentication also as it was sent.
pub(crate) fn of(call: &Call) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in &call.headers {
        let Ok(value) = value.to_str() else { continue };
        if is_secret(name.as_str()) {
            found.push(value.split_once(' ').map_or(value, |(_, credentials)| credentials).to_owned());
        }
    }
    if let Some((_, password)) = call.basic() {
        // Many clients leave the encoding out, so that either may be the secret.
        found.extend([form_decoded(&password), password]);
    }
    found.extend(secret_values(&call.query));
    if call.is_form() {
        found.extend(secret_values(&call.form()));
    } else if let Some(body) = call.json() {
        found.extend(body.get("code").and_then(Value::as_str).map(str::to_owned));
        collect(&body, &mut found);
    }
    found.retain(|secret| !secret.is_empty());
    found.sort();
    found.dedup();
    found
}

/// As percent-encoding writes it in a URL.
pub(crate) fn url_encoded(secret: &str) -> String {
    form_encoded(secret).replace('+', "%20")
}

/// As a form writes it.
pub(crate) fn form_encoded(secret: &str) -> String {
    form_urlencoded::byte_serialize(secret.as_bytes()).collect()
}

/// A header for the record.
pub(crate) fn shown_header(call: &Call, name: &str, value: &str) -> String {
    if !is_secret(name) {
        return value.to_owned();
    }
    if let Some((user, password)) = call.basic().filter(|_| name == "authorization") {
        return format!("Basic {user}:{}", fingerprint(&form_decoded(&password)));
    }
    match value.split_once(' ') {
        Some((scheme, credentials)) => format!("{scheme} {}", fingerprint(credentials)),
        None => fingerprint(value),
    }
}

/// Parameters for the record.
pub(crate) fn shown_pairs(pairs: &Pairs) -> Pairs {
    let shown = |(name, value): &(String, String)| {
        (name.clone(), if is_secret_parameter(name) { fingerprint(value) } else { value.clone() })
    };
    pairs.iter().map(shown).collect()
}

/// A body for the record: forms and JSON without their secrets, of anything else its length.
pub(crate) fn shown_body(call: &Call) -> Value {
    if call.body.is_empty() {
        return Value::Null;
    }
    if call.is_form() {
        let fields = shown_pairs(&call.form()).into_iter().map(|(name, value)| (name, Value::String(value)));
        return Value::Object(fields.collect());
    }
    match call.json() {
        Some(mut body) => {
            if let Some(Value::String(code)) = body.get_mut("code") {
                *code = fingerprint(code);
            }
            hide(&mut body);
            body
        }
        None => Value::String(format!("{} bytes", call.body.len())),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let name = name.rsplit('[').next().unwrap_or_default().trim_end_matches(']');
    SECRET_NAMES.contains(&name) || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

fn secret_values(pairs: &Pairs) -> impl Iterator<Item = String> {
    pairs.iter().filter(|(name, _)| is_secret_parameter(name)).map(|(_, value)| value.clone())
}

/// An authorization code is a secret. Deep within JSON, `code` is something else.
fn is_secret_parameter(name: &str) -> bool {
    name == "code" || is_secret(name)
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if is_secret(name) => found.push(text.clone()),
                    other => collect(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => hide_fields(fields),
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

fn hide_fields(fields: &mut Map<String, Value>) {
    for (name, value) in fields {
        match value {
            Value::String(text) if is_secret(name) => *text = fingerprint(text),
            other => hide(other),
        }
    }
}

/// RFC 6749 has client ids and secrets form-encoded before they become Basic credentials. A text that no form could
/// hold was not encoded, and stays as it is.
pub(crate) fn form_decoded(text: &str) -> String {
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*-._+%".contains(&byte)) {
        return text.to_owned();
    }
    form_urlencoded::parse(text.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

/// `user:password` as Basic authentication sends it.
#[must_use]
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

const SECRET_NAMES: [&str; 5] = ["authorization", "proxy_authorization", "cookie", "token", "password"];
const SECRET_ENDS: [&str; 5] = ["_token", "_secret", "api_key", "_password", "_verifier"];
