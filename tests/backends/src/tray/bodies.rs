//! Bodies of writes: `{"Product": {…}}` as JSON, or `Product[name]=…` as a form; and their values, which all become
//! texts.

use serde_json::{Value, json};

use super::shop::{Fields, Kind, text};
use crate::stage::call::{Call, Pairs};

/// The object within the wrapper of its kind, its values as they are stored.
pub(crate) fn unwrapped(call: &Call, wrapper: &str) -> Option<Fields> {
    let fields = if call.is_form() { bracketed(&call.form(), wrapper) } else { wrapped(call, wrapper)? };
    (!fields.is_empty()).then(|| fields.into_iter().map(|(name, value)| (name, stored(value))).collect())
}

/// What is wrong with an object, by field.
pub(crate) fn faults(kind: Kind, fields: &Fields, is_new: bool) -> Option<Value> {
    let mut causes = Fields::new();
    let missing = |name: &&str| text(fields, name).is_empty();
    for name in kind.required().iter().filter(|name| is_new && missing(name)) {
        causes.insert((*name).to_owned(), json!(["required"]));
    }
    for (name, most) in kind.lengths() {
        if text(fields, name).chars().count() > *most {
            causes.insert((*name).to_owned(), json!([format!("maxLength {most}")]));
        }
    }
    (!causes.is_empty()).then_some(Value::Object(causes))
}

fn wrapped(call: &Call, wrapper: &str) -> Option<Fields> {
    call.json()?.get(wrapper)?.as_object().cloned()
}

/// `Order[OrderStatus][id]` is a field within a field.
fn bracketed(pairs: &Pairs, wrapper: &str) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in pairs {
        let Some(path) = name.strip_prefix(wrapper).and_then(|rest| rest.strip_prefix('[')) else { continue };
        let value = Value::String(value.clone());
        match path.trim_end_matches(']').split_once("][") {
            None => {
                fields.insert(path.trim_end_matches(']').to_owned(), value);
            }
            Some((outer, inner)) => {
                let outer = fields.entry(outer).or_insert_with(|| json!({}));
                if let Some(outer) = outer.as_object_mut() {
                    outer.insert(inner.to_owned(), value);
                }
            }
        }
    }
    fields
}

/// Every scalar is a text there, and an empty object an empty list.
fn stored(value: Value) -> Value {
    match value {
        Value::Null => json!(""),
        Value::Bool(flag) => json!(if flag { "1" } else { "0" }),
        Value::Number(number) => json!(number.to_string()),
        Value::Object(fields) if fields.is_empty() => json!([]),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, stored(value))).collect(),
        Value::Array(items) => items.into_iter().map(stored).collect(),
        text @ Value::String(_) => text,
    }
}
