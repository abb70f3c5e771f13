//! From JSON to a request, strictly; from an answer to JSON. A refusal names the field and never shows the value: that
//! may be a secret.

use std::{fmt, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;

use crate::broker::{Code, Error, Violation};

use super::shape::Shape;

/// Reads a request from a JSON object.
///
/// # Errors
/// [`Code::InvalidRequest`] that names every field that is missing or not known, and one that is of the wrong type.
pub fn from_value<T: DeserializeOwned + ToSchema>(value: &Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(value).map_err(|located| {
        let first = describe(&located.path().to_string(), &located.inner().to_string());
        // serde ends at the first; the others are looked for only now.
        let mut others = misnamed(&Shape::of::<T>(), value);
        others.retain(|other| other.field != first.field);
        Error::invalid(std::iter::once(first).chain(others).collect())
    })
}

fn misnamed(shape: &Shape, value: &Value) -> Vec<Violation> {
    let (fields, sent) = (shape.fields(), value.as_object());
    let is_sent = |name: &str| sent.is_some_and(|members| members.contains_key(name));
    let is_known = |name: &str| fields.iter().any(|field| field.name == name);
    let missing = fields.iter().filter(|field| field.required && !is_sent(&field.name));
    let missing = missing.map(|field| Violation::new(&field.name, "is required"));
    let unknown = sent.into_iter().flatten().filter(|(name, _)| !is_known(name));
    missing.chain(unknown.map(|(name, _)| Violation::new(shown(name), "is not a known field"))).collect()
}

/// Writes an answer as a JSON object.
///
/// # Errors
/// [`Code::Internal`] for what cannot be written, a fault of ours.
pub fn to_value<T: Serialize>(answer: &T) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(Error::internal)
}

/// The revision that an entity tag names. A tag that is none of ours matches no row.
///
/// # Errors
/// [`Code::PreconditionFailed`].
pub fn revision(etag: Option<&str>) -> Result<Option<i64>, Error> {
    let tag = etag.map(|text| text.trim().trim_matches('"')).filter(|text| *text != "*");
    tag.map(|text| {
        let message = "it changed since you read it: read it again, then decide";
        text.parse().map_err(|_| Error::new(Code::PreconditionFailed, message))
    })
    .transpose()
}

/// Reads a field that is more than text.
///
/// # Errors
/// [`Code::InvalidRequest`] that names the field.
pub fn parsed<T: FromStr<Err: fmt::Display>>(field: &str, text: Option<&str>) -> Result<Option<T>, Error> {
    let wrong = |error: T::Err| Error::invalid(vec![Violation::new(field, error.to_string())]);
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// Says what is wrong in words of our own: serde's would repeat the value.
pub(crate) fn describe(path: &str, message: &str) -> Violation {
    // The path ends in the name for a field that is there, and before it for one that is missing.
    let within = |name: &str| match path.strip_suffix(name) {
        Some(parent) => format!("{parent}{}", shown(name)),
        None if path == "." => shown(name),
        None => format!("{path}.{}", shown(name)),
    };
    // The name is the caller's and may hold anything; the last of these words are serde's.
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| {
        rest.rsplit_once("`, expected ").or_else(|| rest.rsplit_once("`, there are no fields"))
    });
    if let Some((name, _)) = unknown {
        return Violation::new(within(name), "is not a known field");
    }
    for (prefix, reason) in
        [("missing field `", "is required"), ("duplicate field `", "is given more than once")]
    {
        let rest = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`'));
        if let Some((name, _)) = rest {
            return Violation::new(within(name), reason);
        }
    }
    let field = if path == "." { BODY.to_owned() } else { path.to_owned() };
    Violation::new(field, expectation(message))
}

/// A name from the request, short enough to be shown.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN).collect()
}

/// What serde expected, without what it found. Whatever the value held, the last such words are serde's own.
fn expectation(message: &str) -> String {
    let expected = message.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    let expected = expected.split(" at line ").next().unwrap_or_default();
    let text = match expected {
        "a string" => "must be a string",
        "a boolean" => "must be true or false",
        "a sequence" => "must be a list",
        "a map" => "must be an object",
        "i64" | "u64" | "i32" | "u32" => "must be an integer that fits",
        _ if expected.starts_with("struct ") => "must be an object",
        _ if expected.starts_with("a time such as ") => return format!("must be {expected}"),
        // The names that an enumeration knows are the code's own.
        _ if expected.starts_with("one of `") || expected.starts_with('`') => {
            return format!("must be {}", expected.replace('`', "\""));
        }
        _ => "has the wrong type",
    };
    text.to_owned()
}

/// The most characters of a name that are shown.
pub(crate) const MAX_SHOWN: usize = 64;
/// The field of a violation that concerns the whole.
pub(crate) const BODY: &str = "body";
