//! Opened credentials as `google.protobuf.Struct`.

use std::collections::BTreeMap;

use prost_types::{ListValue, NullValue, Struct, Value, value::Kind};
use serde_json::{Map, Number, Value as Json};

use crate::broker::leases::types::Credentials;

/// The values, by service as asked for.
pub(super) fn credentials(credentials: Credentials) -> BTreeMap<String, Struct> {
    let Credentials(services) = credentials;
    services.into_iter().map(|(service, opened)| (service, structure(opened.parsed()))).collect()
}

fn structure(fields: Map<String, Json>) -> Struct {
    Struct { fields: fields.into_iter().map(|(name, json)| (name, value(json))).collect() }
}

fn value(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(NullValue::NullValue.into()),
        Json::Bool(flag) => Kind::BoolValue(flag),
        Json::Number(number) => self::number(&number),
        Json::String(text) => Kind::StringValue(text),
        Json::Array(items) => Kind::ListValue(ListValue { values: items.into_iter().map(value).collect() }),
        Json::Object(fields) => Kind::StructValue(structure(fields)),
    };
    Value { kind: Some(kind) }
}

/// A double where it holds the number exactly; else its text, because a rounded account number is a wrong one.
fn number(number: &Number) -> Kind {
    let whole = number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64());
    let exact = whole.is_none_or(|whole| whole <= LARGEST_EXACT_INTEGER);
    match number.as_f64() {
        Some(double) if exact => Kind::NumberValue(double),
        _ => Kind::StringValue(number.to_string()),
    }
}

/// 2^53: every integer up to here is a double.
const LARGEST_EXACT_INTEGER: u64 = 1 << 53;

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};
    use serde_json::json;

    use crate::model::{credential::Fields, secret::SecretText};

    use super::*;

    /// The way back, as a client reads it.
    fn read(value: Value) -> Json {
        match value.kind.expect("a kind") {
            Kind::NullValue(_) => Json::Null,
            Kind::BoolValue(flag) => json!(flag),
            Kind::NumberValue(double) => json!(double),
            Kind::StringValue(text) => json!(text),
            Kind::ListValue(ListValue { values }) => values.into_iter().map(read).collect(),
            Kind::StructValue(Struct { fields }) => {
                fields.into_iter().map(|(name, value)| (name, read(value))).collect()
            }
        }
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let finite = any::<f64>().prop_filter("JSON has no others", |double| double.is_finite());
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            finite.prop_map(Json::from),
            ".{0,20}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                collection::btree_map("[a-z]{1,8}", inner, 0..6)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_survives_its_message(json in any_json()) {
            prop_assert_eq!(read(value(json.clone())), json);
        }

        #[test]
        fn no_integer_is_rounded(integer: i64) {
            let back = match read(value(json!(integer))) {
                Json::String(text) => text.parse::<i128>().expect("digits"),
                double => format!("{:.0}", double.as_f64().expect("a double")).parse().expect("digits"),
            };
            prop_assert_eq!(back, i128::from(integer));
        }
    }

    #[test]
    fn each_service_keeps_its_fields() {
        let opened = |text: &str| Fields::new(SecretText::new(text.to_owned()));
        let services =
            [("jira", r#"{"cloud":true,"port":443}"#), ("tray/9", r#"{"id":18446744073709551615}"#)];
        let services = services.map(|(service, text)| (service.to_owned(), opened(text)));
        let structs = credentials(Credentials(services.into_iter().collect()));
        let read: BTreeMap<String, Json> = structs
            .into_iter()
            .map(|(service, fields)| (service, read(Value { kind: Some(Kind::StructValue(fields)) })))
            .collect();
        let expected =
            json!({"jira": {"cloud": true, "port": 443.0}, "tray/9": {"id": "18446744073709551615"}});
        assert_eq!(serde_json::to_value(read).expect("JSON"), expected);
    }
}
