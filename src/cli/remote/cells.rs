//! What of an answer is shown, in which order, and each value as one line.

use serde_json::{Map, Value};

use crate::api::shape::Shape;

/// The members that are shown, in the order of the shape; what it does not know behind. The tag for updates is for
/// programs.
pub(super) fn names<'a>(rows: &[&'a Map<String, Value>], shape: Option<&Shape>) -> Vec<&'a str> {
    let declared: Vec<String> =
        shape.map(Shape::fields).unwrap_or_default().into_iter().map(|field| field.name).collect();
    let place = |name: &str| declared.iter().position(|known| known == name).unwrap_or(declared.len());
    let mut names: Vec<&str> = rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    names.sort_by_key(|name| (place(name), *name));
    names.dedup();
    names.retain(|name| *name != "etag");
    names
}

/// A value in one line. Of an object only what it is called by, its first field; an object of no known shape is left to
/// `--json`.
pub(super) fn cell(value: &Value, shape: Option<&Shape>) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| cell(item, shape)).collect();
            items.join(", ")
        }
        Value::Object(members) => {
            let first = shape.and_then(|shape| names(&[members], Some(shape)).into_iter().next());
            first.and_then(|name| members.get(name)).map(|value| cell(value, None)).unwrap_or_default()
        }
        other => other.to_string(),
    }
}
