//! JSON whose form only the table knows, read as strictly as what has a type of its own.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON object, whatever its members, none of them given more than once, however deep.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Map<String, Value>);

/// Any JSON in which no member is given more than once.
struct Strict(Value);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Fields, A::Error> {
                members_of(members).map(Fields)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything;

        impl<'de> Visitor<'de> for Anything {
            type Value = Strict;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
                let mut values = Vec::new();
                while let Some(Strict(value)) = items.next_element()? {
                    values.push(value);
                }
                Ok(Strict(Value::Array(values)))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Strict, A::Error> {
                members_of(members).map(|members| Strict(Value::Object(members)))
            }
        }

        deserializer.deserialize_any(Anything)
    }
}

fn members_of<'de, A: MapAccess<'de>>(mut members: A) -> Result<Map<String, Value>, A::Error> {
    let mut read = Map::new();
    while let Some(name) = members.next_key::<String>()? {
        if read.contains_key(&name) {
            return Err(de::Error::custom(format_args!("duplicate field `{name}`")));
        }
        let Strict(value) = members.next_value()?;
        read.insert(name, value);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{broker::Code, http::extract::parse_json};

    fn refused(text: &str) -> (String, String) {
        let error = parse_json::<Fields>(text.as_bytes()).unwrap_err().0;
        assert_eq!(error.code, Code::InvalidRequest, "{text}: {error:?}");
        let violation = error.violations.into_iter().next().unwrap();
        (violation.field, violation.reason)
    }

    #[test]
    fn a_member_given_twice_is_named_however_deep() {
        for (text, field) in [
            (r#"{"a":1,"b":2,"a":3}"#, "a"),
            (r#"{"a":{"x":1,"x":1}}"#, "a.x"),
            (r#"{"a":[{},{"x":1,"x":null}]}"#, "a[1].x"),
            (r#"{"a":1,"\u0061":2}"#, "a"),
        ] {
            assert_eq!(refused(text), (field.to_owned(), "is given more than once".to_owned()), "{text}");
        }
        assert_eq!(refused("null").1, "must be an object");
        assert_eq!(refused("7").1, "must be an object");
    }

    proptest! {
        #[test]
        fn what_repeats_nothing_is_read_as_it_is(
            text in ".{0,20}", number: i64, halves in -1_000_000_i32..1_000_000, names in prop::collection::btree_set("[a-z]{1,5}", 0..5),
        ) {
            let inner: Map<String, Value> = names.into_iter().map(|name| (name, json!([null, true, f64::from(halves) / 2.0]))).collect();
            let value = json!({ "text": text, "number": number, "large": u64::MAX, "inner": inner });
            let read = parse_json::<Fields>(value.to_string().as_bytes());
            prop_assert_eq!(read.map(|Fields(members)| Value::Object(members)).ok(), Some(value));
        }
    }
}
