//! Checking a deposit against a service's fields. What is wrong is said of the field's path, never of its value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Field, FieldKind, Service};
use crate::model::{
    address::{Reach, check_url, normal_url},
    header,
};

/// One field that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Where, e.g. `fields.api_token`.
    pub path: String,
    /// What is wrong. Never the value.
    pub reason: String,
}

/// The most bytes of a credential's fields, as JSON.
pub const MAX_BYTES: usize = 64 * 1_024;

impl Service {
    /// Checks a credential's fields; answers them under their own names, with the defaults of what was left out.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(
        &self,
        given: Map<String, Value>,
        reach: Reach,
    ) -> Result<Map<String, Value>, Vec<FieldFault>> {
        let mut faults = Vec::new();
        if serde_json::to_string(&given).map_or(usize::MAX, |text| text.len()) > MAX_BYTES {
            return Err(vec![fault(None, format!("at most {MAX_BYTES} bytes"))]);
        }
        let mut kept = self.by_own_names(given, reach, &mut faults);
        for field in &self.fields {
            match kept.get(&field.name) {
                None | Some(Value::Null) => {
                    kept.remove(&field.name);
                    if let Some(default) = &field.default {
                        kept.insert(field.name.clone(), default.clone());
                    }
                }
                Some(value) => field.check(value, reach, &mut faults),
            }
        }
        let missing =
            self.fields.iter().filter(|field| !kept.contains_key(&field.name) && field.is_required(&kept));
        faults.extend(missing.map(|field| fault(Some(&field.name), "required".to_owned())));
        if faults.is_empty() { Ok(kept) } else { Err(faults) }
    }

    /// Checks one value by its field's own name; answers it as it is kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_value(&self, name: &str, value: Value, reach: Reach) -> Result<Value, FieldFault> {
        let field = self.fields.iter().find(|field| field.name == name).ok_or_else(|| unknown(name, self))?;
        let value = field.normal(value, reach);
        match field.judge(&value, reach) {
            Ok(()) => Ok(value),
            Err(reason) => Err(fault(Some(name), reason)),
        }
    }

    fn by_own_names(
        &self,
        given: Map<String, Value>,
        reach: Reach,
        faults: &mut Vec<FieldFault>,
    ) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, value) in given {
            match self.field(&name) {
                None => faults.push(unknown(&name, self)),
                Some(field) if kept.contains_key(&field.name) => {
                    faults.push(fault(Some(&field.name), "given twice, under two names".to_owned()));
                }
                Some(field) => drop(kept.insert(field.name.clone(), field.normal(value, reach))),
            }
        }
        kept
    }
}

impl Field {
    /// The value as it is kept: a URL whose path is known, with that path once.
    fn normal(&self, value: Value, reach: Reach) -> Value {
        match (&self.path, value) {
            (Some(path), Value::String(text)) => Value::String(normal_url(&text, path, reach)),
            (_, value) => value,
        }
    }

    fn is_required(&self, kept: &Map<String, Value>) -> bool {
        let condition = self.required_if.as_ref();
        let instead = self.required_unless.as_ref();
        self.required
            || instead.is_some_and(|other| !kept.contains_key(other))
            || condition.is_some_and(|condition| kept.get(&condition.field) == Some(&condition.is))
    }

    fn check(&self, value: &Value, reach: Reach, faults: &mut Vec<FieldFault>) {
        if let (FieldKind::Headers, Value::Object(headers)) = (self.kind, value) {
            return check_headers(&self.name, headers, faults);
        }
        if let Err(reason) = self.judge(value, reach) {
            faults.push(fault(Some(&self.name), reason));
        }
    }

    fn judge(&self, value: &Value, reach: Reach) -> Result<(), String> {
        match (self.kind, value) {
            (FieldKind::Boolean, Value::Bool(_)) => Ok(()),
            (FieldKind::Boolean, _) => Err("must be true or false".to_owned()),
            (FieldKind::Integer, value) => self.judge_integer(value),
            (FieldKind::Headers, _) => Err("must be an object of header names and values".to_owned()),
            (kind, Value::String(text)) => judge_text(kind, text, reach),
            (_, _) => Err("must be text".to_owned()),
        }
    }

    fn judge_integer(&self, value: &Value) -> Result<(), String> {
        let number = value.as_i64().ok_or_else(|| "must be a whole number".to_owned())?;
        match self.minimum {
            Some(minimum) if number < minimum => Err(format!("must be at least {minimum}")),
            _ => Ok(()),
        }
    }
}

fn judge_text(kind: FieldKind, text: &str, reach: Reach) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    match kind {
        FieldKind::Email => {
            is_email(text).then_some(()).ok_or_else(|| "must be an e-mail address".to_owned())
        }
        FieldKind::HeaderName => header::check_name(text).map_err(|error| error.to_string()),
        FieldKind::HeaderValue => header::check_value(text).map_err(|error| error.to_string()),
        FieldKind::Url => check_url(text, reach).map_err(|error| error.to_string()),
        FieldKind::Username if text.contains(':') => Err("must not contain a colon".to_owned()),
        FieldKind::Text | FieldKind::Username => is_line(text).then_some(()).ok_or_else(|| {
            "must be one line of text, without control characters, and without spaces at its ends".to_owned()
        }),
        FieldKind::Boolean | FieldKind::Headers | FieldKind::Integer => Ok(()),
    }
}

/// White space at the ends is what a hasty copy brings along.
fn is_line(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

/// Whether it can be an address at all: `local@domain`, without what mail would read as several.
fn is_email(text: &str) -> bool {
    let odd =
        |c: char| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"' | '(' | ')');
    let (local, domain) = text.rsplit_once('@').unwrap_or_default();
    let sized = (1..=64).contains(&local.len()) && (1..=255).contains(&domain.len());
    sized && !local.contains('@') && !text.chars().any(odd)
}

fn check_headers(field: &str, headers: &Map<String, Value>, faults: &mut Vec<FieldFault>) {
    if !(1..=MAX_HEADERS).contains(&headers.len()) {
        return faults.push(fault(Some(field), format!("1 to {MAX_HEADERS} headers")));
    }
    let mut seen = BTreeSet::new();
    for (name, value) in headers {
        if let Err(error) = header::check_name(name) {
            faults.push(fault(Some(field), error.to_string()));
            continue;
        }
        let path = format!("{field}.{name}");
        if !seen.insert(name.to_ascii_lowercase()) {
            faults.push(fault(Some(&path), "given twice: names differ in case alone".to_owned()));
        }
        match value.as_str().map(header::check_value) {
            Some(Ok(())) => {}
            Some(Err(error)) => faults.push(fault(Some(&path), error.to_string())),
            None => faults.push(fault(Some(&path), "must be text".to_owned())),
        }
    }
}

/// A name that nobody knows is repeated only if it looks like one: it may be a value in the wrong place.
fn unknown(name: &str, service: &Service) -> FieldFault {
    let plain = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let known: Vec<&str> = service.fields.iter().map(|field| field.name.as_str()).collect();
    fault(plain.then_some(name), format!("unknown field; {} has {}", service.name, known.join(", ")))
}

fn fault(field: Option<&str>, reason: String) -> FieldFault {
    let path = field.map_or_else(|| FIELDS.to_owned(), |field| format!("{FIELDS}.{field}"));
    FieldFault { path, reason }
}

const FIELDS: &str = "fields";
const MAX_HEADERS: usize = 32;
