//! What every text of a request must be, whatever its field: checked once, before an operation reads its fields.
//!
//! PostgreSQL's text has no zero byte, and names, reasons and filters are shown to people. What an object holds is
//! a credential's value: sealed, never shown, and as its service has it.

use serde_json::Value;

use crate::{
    broker::{Error, Violation},
    model::text::is_plain,
};

use super::read::shown;

/// Checks the texts of a request; `in_path` are the fields that name what it is about.
///
/// # Errors
/// [`crate::broker::Code::NotFound`] when the path names what no id can be; [`crate::broker::Code::InvalidRequest`] that
/// names every other field.
pub(super) fn check<'a>(request: &Value, mut in_path: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    if in_path.any(|name| request.get(name).and_then(Value::as_str).is_some_and(|text| !is_plain(text))) {
        return Err(Error::not_found("thing: its name has characters that none can have"));
    }
    let mut wrong = Vec::new();
    for (name, value) in request.as_object().into_iter().flatten() {
        check_field(&shown(name), value, &mut wrong);
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::invalid(wrong)) }
}

fn check_field(path: &str, value: &Value, wrong: &mut Vec<Violation>) {
    match value {
        Value::String(text) if !is_plain(text) => wrong.push(Violation::new(path, UNPLAIN)),
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                check_field(&format!("{path}[{position}]"), item, wrong);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                check_value(&format!("{path}.{}", shown(name)), name, value, wrong);
            }
        }
        _ => {}
    }
}

/// A member of a credential's value.
fn check_value(path: &str, name: &str, value: &Value, wrong: &mut Vec<Violation>) {
    match value {
        _ if name.contains('\0') => wrong.push(Violation::new(path.replace('\0', "\u{FFFD}"), ZERO)),
        Value::String(text) if text.contains('\0') => wrong.push(Violation::new(path, ZERO)),
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                check_value(&format!("{path}[{position}]"), name, item, wrong);
            }
        }
        Value::Object(members) => {
            for (inner, value) in members {
                check_value(&format!("{path}.{}", shown(inner)), inner, value, wrong);
            }
        }
        _ => {}
    }
}

const UNPLAIN: &str =
    "must not have control characters, line breaks or characters that turn the direction of text";
const ZERO: &str = "must not have a zero byte";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::broker::Code;

    fn refused(request: &Value) -> Vec<String> {
        let error = check(request, ["id"].into_iter()).expect_err("a refusal");
        assert_eq!(error.code, Code::InvalidRequest, "{error:?}");
        error.violations.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn every_text_is_looked_at_and_every_wrong_one_named() {
        let request = json!({
            "id": "usr_1", "name": "a\u{202E}b", "email": "a\0b", "active": true, "size": 7, "none": null,
            "scopes": ["lease:read", "a\nb"],
            "fields": { "key": "line\nline", "headers": { "x": ["a", "\0"], "y\0": 1 } },
        });
        assert_eq!(
            refused(&request),
            ["email", "fields.headers.x[1]", "fields.headers.y\u{FFFD}", "name", "scopes[1]"]
        );
        let fine = json!({ "id": "usr_1", "name": "José", "fields": { "key": "-----BEGIN\n" } });
        assert!(check(&fine, ["id"].into_iter()).is_ok());
    }

    #[test]
    fn what_no_id_can_be_is_not_there() {
        let error = check(&json!({ "id": "a\0b", "name": "\0" }), ["id"].into_iter()).expect_err("a refusal");
        assert_eq!(error.code, Code::NotFound);
    }
}
