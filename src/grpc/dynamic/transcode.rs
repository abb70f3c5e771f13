//! Messages to JSON and back, by the names of the fields, in the shapes that HTTP has.
//!
//! A field that is not set, or holds its default without tracking presence, is left out. Timestamps are RFC 3339 texts,
//! a `Struct` is an object, and a value of an enumeration is its name in lower case without the enumeration's own:
//! `ORGANIZATION_ROLE_ADMIN` is `admin`.

use std::fmt::Write as _;

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _,
    Value as Field,
};
use serde_json::{Map, Value};

use crate::model::instant::Instant;

/// An answer does not fit its message: a fault of the table or of the proto files.
#[derive(Debug, thiserror::Error)]
#[error("the answer's field {0} does not fit the message")]
pub struct Misfit(pub String);

/// The JSON object of a message.
#[must_use]
pub fn to_json(message: &DynamicMessage) -> Value {
    let set = message
        .fields()
        .filter(|(field, value)| field.supports_presence() || !value.is_default(&field.kind()));
    Value::Object(set.map(|(field, value)| (field.name().to_owned(), value_of(&field, value))).collect())
}

fn value_of(field: &FieldDescriptor, value: &Field) -> Value {
    match value {
        Field::List(items) => items.iter().map(|item| single(&field.kind(), item)).collect(),
        Field::Map(entries) => {
            let Kind::Message(entry) = field.kind() else { return Value::Null };
            let kind = entry.map_entry_value_field().kind();
            entries.iter().map(|(key, value)| (key_text(key), single(&kind, value))).collect()
        }
        other => single(&field.kind(), other),
    }
}

fn single(kind: &Kind, value: &Field) -> Value {
    match value {
        Field::Bool(value) => Value::from(*value),
        Field::I32(value) => Value::from(*value),
        Field::I64(value) => Value::from(*value),
        Field::U32(value) => Value::from(*value),
        Field::U64(value) => Value::from(*value),
        Field::F32(value) => Value::from(*value),
        Field::F64(value) => Value::from(*value),
        Field::String(text) => Value::from(text.as_str()),
        Field::Bytes(bytes) => Value::from(data_encoding::BASE64.encode(bytes)),
        Field::EnumNumber(number) => enum_text(kind, *number),
        Field::Message(message) => message_value(message),
        Field::List(_) | Field::Map(_) => Value::Null,
    }
}

fn message_value(message: &DynamicMessage) -> Value {
    match message.descriptor().full_name() {
        TIMESTAMP => timestamp_text(message),
        STRUCT => struct_value(message),
        _ => to_json(message),
    }
}

/// A number that the proto files don't know has no name: the request is refused for the text that stands for it.
fn enum_text(kind: &Kind, number: i32) -> Value {
    let Kind::Enum(descriptor) = kind else { return Value::Null };
    let prefix = enum_prefix(descriptor);
    let name = descriptor
        .get_value(number)
        .map_or_else(|| number.to_string(), |value| value.name().trim_start_matches(&prefix).to_lowercase());
    Value::from(name)
}

/// `OrganizationRole` is `ORGANIZATION_ROLE_`.
fn enum_prefix(descriptor: &EnumDescriptor) -> String {
    let mut prefix = String::new();
    for character in descriptor.name().chars() {
        if character.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.extend(character.to_uppercase());
    }
    prefix.push('_');
    prefix
}

fn timestamp_text(message: &DynamicMessage) -> Value {
    let part =
        |name: &str| message.get_field_by_name(name).and_then(|value| number(&value)).unwrap_or_default();
    let micros = part("seconds").saturating_mul(1_000_000).saturating_add(part("nanos") / 1_000);
    // A time beyond what a calendar holds has no text: the request is refused for the one that stands for it.
    let mut text = String::new();
    let written = write!(text, "{}", Instant::from_micros(micros));
    Value::from(if written.is_ok() { text } else { "out of range".to_owned() })
}

fn number(value: &Field) -> Option<i64> {
    value.as_i64().or_else(|| value.as_i32().map(i64::from))
}

fn struct_value(message: &DynamicMessage) -> Value {
    let Some(fields) = message.get_field_by_name("fields") else { return Value::Null };
    let Some(entries) = fields.as_map() else { return Value::Null };
    entries.iter().map(|(key, value)| (key_text(key), any_value(value))).collect()
}

/// A `google.protobuf.Value`.
fn any_value(value: &Field) -> Value {
    let Some(message) = value.as_message() else { return Value::Null };
    let Some((field, value)) = message.fields().next() else { return Value::Null };
    match (field.name(), value) {
        ("number_value", Field::F64(number)) => whole(*number),
        ("string_value" | "bool_value", value) => single(&field.kind(), value),
        ("struct_value", Field::Message(message)) => struct_value(message),
        ("list_value", Field::Message(message)) => {
            let values = message.get_field_by_name("values");
            let values = values.as_deref().and_then(Field::as_list).unwrap_or_default();
            values.iter().map(any_value).collect()
        }
        _ => Value::Null,
    }
}

/// Protobuf knows no whole numbers here; JSON tells them apart.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "compared with what it was")]
    let integer = number as i64;
    #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "exactly equal, or not whole")]
    if integer as f64 == number { Value::from(integer) } else { Value::from(number) }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::String(text) => text.clone(),
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
    }
}

/// The message of a JSON object.
///
/// # Errors
/// [`Misfit`] names the field.
pub fn from_json(value: &Value, descriptor: MessageDescriptor) -> Result<DynamicMessage, Misfit> {
    let mut message = DynamicMessage::new(descriptor);
    let misfit = || Misfit(message.descriptor().full_name().to_owned());
    let fields = value.as_object().ok_or_else(misfit)?;
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let field = message.descriptor().get_field_by_name(name).ok_or_else(|| Misfit(name.clone()))?;
        let value = field_value(&field, value).ok_or_else(|| Misfit(name.clone()))??;
        message.try_set_field(&field, value).map_err(|_| Misfit(name.clone()))?;
    }
    Ok(message)
}

/// None when the JSON is of another kind than the field.
type Fitted = Option<Result<Field, Misfit>>;

fn field_value(field: &FieldDescriptor, value: &Value) -> Fitted {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { return None };
        let kind = entry.map_entry_value_field().kind();
        let entries = value.as_object()?.iter().map(|(key, value)| {
            let value = single_value(&kind, value).ok_or_else(|| Misfit(key.clone()))??;
            Ok((MapKey::String(key.clone()), value))
        });
        return Some(entries.collect::<Result<_, Misfit>>().map(Field::Map));
    }
    if field.is_list() {
        let items = value
            .as_array()?
            .iter()
            .map(|item| single_value(&field.kind(), item).ok_or_else(|| Misfit(field.name().to_owned()))?);
        return Some(items.collect::<Result<_, Misfit>>().map(Field::List));
    }
    single_value(&field.kind(), value)
}

fn single_value(kind: &Kind, value: &Value) -> Fitted {
    let value = match kind {
        Kind::Bool => Field::Bool(value.as_bool()?),
        Kind::Double => Field::F64(value.as_f64()?),
        Kind::Int32 => Field::I32(value.as_i64()?.try_into().ok()?),
        Kind::Int64 => Field::I64(value.as_i64()?),
        Kind::Uint32 => Field::U32(value.as_u64()?.try_into().ok()?),
        Kind::Uint64 => Field::U64(value.as_u64()?),
        Kind::String => Field::String(value.as_str()?.to_owned()),
        Kind::Enum(descriptor) => Field::EnumNumber(enum_number(descriptor, value.as_str()?)?),
        Kind::Message(descriptor) => return message_field(descriptor, value),
        _ => return None,
    };
    Some(Ok(value))
}

fn message_field(descriptor: &MessageDescriptor, value: &Value) -> Fitted {
    let message = match descriptor.full_name() {
        TIMESTAMP => timestamp(descriptor, value.as_str()?)?,
        STRUCT => structure(descriptor, value.as_object()?)?,
        _ => return Some(from_json(value, descriptor.clone()).map(Field::Message)),
    };
    Some(Ok(Field::Message(message)))
}

fn enum_number(descriptor: &EnumDescriptor, text: &str) -> Option<i32> {
    let name = format!("{}{}", enum_prefix(descriptor), text.to_uppercase());
    descriptor.get_value_by_name(&name).map(|value| value.number())
}

fn timestamp(descriptor: &MessageDescriptor, text: &str) -> Option<DynamicMessage> {
    let at: Instant = text.parse().ok()?;
    let micros = at.micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000)).ok()? * 1_000;
    let mut message = DynamicMessage::new(descriptor.clone());
    message.try_set_field_by_name("seconds", Field::I64(micros.div_euclid(1_000_000))).ok()?;
    message.try_set_field_by_name("nanos", Field::I32(nanos)).ok()?;
    Some(message)
}

fn structure(descriptor: &MessageDescriptor, object: &Map<String, Value>) -> Option<DynamicMessage> {
    let mut message = DynamicMessage::new(descriptor.clone());
    let fields = descriptor.get_field_by_name("fields")?;
    let Kind::Message(entry) = fields.kind() else { return None };
    let Kind::Message(any) = entry.map_entry_value_field().kind() else { return None };
    let entries = object
        .iter()
        .map(|(key, value)| Some((MapKey::String(key.clone()), Field::Message(any_message(&any, value)?))));
    message.try_set_field(&fields, Field::Map(entries.collect::<Option<_>>()?)).ok()?;
    Some(message)
}

/// A `google.protobuf.Value`.
fn any_message(descriptor: &MessageDescriptor, value: &Value) -> Option<DynamicMessage> {
    let inner = |name: &str| match descriptor.get_field_by_name(name)?.kind() {
        Kind::Message(descriptor) => Some(descriptor),
        _ => None,
    };
    let (name, field) = match value {
        Value::Null => ("null_value", Field::EnumNumber(0)),
        Value::Bool(value) => ("bool_value", Field::Bool(*value)),
        Value::Number(number) => ("number_value", Field::F64(number.as_f64()?)),
        Value::String(text) => ("string_value", Field::String(text.clone())),
        Value::Object(object) => {
            ("struct_value", Field::Message(structure(&inner("struct_value")?, object)?))
        }
        Value::Array(items) => {
            let mut list = DynamicMessage::new(inner("list_value")?);
            let items = items.iter().map(|item| any_message(descriptor, item).map(Field::Message));
            list.try_set_field_by_name("values", Field::List(items.collect::<Option<_>>()?)).ok()?;
            ("list_value", Field::Message(list))
        }
    };
    let mut message = DynamicMessage::new(descriptor.clone());
    message.try_set_field_by_name(name, field).ok()?;
    Some(message)
}

const TIMESTAMP: &str = "google.protobuf.Timestamp";
const STRUCT: &str = "google.protobuf.Struct";

#[cfg(test)]
mod tests {
    use leasehold_proto::DESCRIPTORS;
    use prost_reflect::DescriptorPool;
    use serde_json::json;

    use super::*;

    fn message(name: &str) -> MessageDescriptor {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("descriptors");
        pool.get_message_by_name(&format!("leasehold.v1.{name}")).expect("a message")
    }

    #[test]
    fn an_answer_survives_its_message() {
        let answer = json!({
            "id": "usr_1", "email": "ada@example.org", "name": "Ada", "active": true,
            "created_at": "2026-03-01T12:00:00.000001Z", "etag": "3"
        });
        let user = from_json(&answer, message("User")).expect("a user");
        assert_eq!(to_json(&user), answer);
        let page = json!({ "users": [answer], "next_page_token": "more" });
        assert_eq!(to_json(&from_json(&page, message("ListUsersResponse")).expect("a page")), page);
    }

    #[test]
    fn enumerations_and_structures_are_as_in_json() {
        let who = json!({ "organizations": [{ "id": "org_1", "name": "Team", "role": "admin" }] });
        assert_eq!(to_json(&from_json(&who, message("WhoAmIResponse")).expect("an answer")), who);
        let values = json!({ "credentials": { "jira": { "cloud": true, "port": 8443, "list": [1.5, null, "x"], "more": { "a": {} } } } });
        assert_eq!(
            to_json(&from_json(&values, message("ReadCredentialsResponse")).expect("an answer")),
            values
        );
    }

    #[test]
    fn a_time_beyond_the_calendar_is_no_time() {
        let mut message = DynamicMessage::new(message("User"));
        let Kind::Message(timestamp) =
            message.descriptor().get_field_by_name("created_at").expect("a field").kind()
        else {
            panic!("a timestamp");
        };
        let mut late = DynamicMessage::new(timestamp);
        late.set_field_by_name("seconds", Field::I64(i64::MAX));
        message.set_field_by_name("created_at", Field::Message(late));
        assert_eq!(to_json(&message), json!({ "created_at": "out of range" }));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let misfit = |value: Value| from_json(&value, message("User")).expect_err("a misfit").0;
        assert_eq!(misfit(json!({ "nickname": "A" })), "nickname");
        assert_eq!(misfit(json!({ "active": "yes" })), "active");
        assert_eq!(misfit(json!([])), "leasehold.v1.User");
    }
}
