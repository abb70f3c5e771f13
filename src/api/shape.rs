//! The shape of a request or an answer: its JSON schema, and its fields as a query and a command line need them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

use super::choices;

/// A type's schema, and those that it refers to.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The type's name in the API's description.
    pub name: String,
    /// Its JSON schema (an object).
    pub schema: Value,
    /// The schemas that it refers to, by name.
    pub referred: Vec<(String, Value)>,
    /// The fields of each of them, in the order in which they were declared: JSON keeps none.
    order: BTreeMap<String, Vec<String>>,
}

/// One field of a request or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// Whether nobody is shown it again (`writeOnly`).
    pub secret: bool,
    /// What it means.
    pub description: String,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// An object, or a list of objects.
    Object,
    /// Text.
    Text,
    /// An instant, RFC 3339.
    Time,
    /// A list of texts.
    Texts,
}

impl Shape {
    /// The shape of a type.
    #[must_use]
    pub fn of<T: ToSchema>() -> Self {
        let mut referred: Vec<(String, RefOr<Schema>)> = Vec::new();
        T::schemas(&mut referred);
        let (name, own) = (T::name().into_owned(), T::schema());
        let mut order: BTreeMap<String, Vec<String>> =
            referred.iter().map(|(name, schema)| (name.clone(), declared(schema))).collect();
        order.insert(name.clone(), declared(&own));
        let described = |name: &str, schema: &RefOr<Schema>| {
            let mut schema = json(schema);
            choices::add(name, &mut schema);
            schema
        };
        let schema = described(&name, &own);
        let referred = referred.into_iter().map(|(name, schema)| (name.clone(), described(&name, &schema)));
        Self { name, schema, referred: referred.collect(), order }
    }

    /// The fields, in their order.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let names = self.order.get(&self.name).into_iter().flatten();
        names.filter_map(|name| self.property(name).map(|schema| self.field(name, schema))).collect()
    }

    /// What a field holds.
    #[must_use]
    pub fn kind_of(&self, field: &str) -> Option<Kind> {
        self.property(field).map(|schema| self.kind(schema))
    }

    /// The field with the items, when this is the shape of a list or of a page of one: the first, if it is a list.
    #[must_use]
    pub fn items(&self) -> Option<String> {
        let first = self.order.get(&self.name)?.first()?;
        (type_name(self.property(first)?) == "array").then(|| first.clone())
    }

    /// The shape of what a field holds, or of each item in it; none for texts and numbers.
    #[must_use]
    pub fn within(&self, field: &str) -> Option<Self> {
        let mut schema = self.property(field)?;
        schema = schema.get("items").unwrap_or(schema);
        schema = alternatives(schema).unwrap_or(schema);
        let name = target(schema);
        let (_, schema) = self.referred.iter().find(|(known, _)| known == name)?;
        self.order.get(name).filter(|fields| !fields.is_empty())?;
        Some(Self { name: name.to_owned(), schema: schema.clone(), ..self.clone() })
    }

    /// Turns the texts of a query into what the fields hold. What does not fit stays a text, and is refused as such.
    #[must_use]
    pub fn typed(&self, texts: Vec<(String, String)>) -> Map<String, Value> {
        let fields = self.fields();
        let kind = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.kind);
        texts
            .into_iter()
            .map(|(name, text)| {
                let value = kind(&name).map_or_else(|| Value::from(text.clone()), |kind| kind.value(&text));
                (name, value)
            })
            .collect()
    }

    fn property(&self, name: &str) -> Option<&Value> {
        self.schema.get("properties")?.get(name)
    }

    fn field(&self, name: &str, schema: &Value) -> Field {
        let required = self.schema.get("required").and_then(Value::as_array);
        Field {
            name: name.to_owned(),
            kind: self.kind(schema),
            required: required.is_some_and(|names| names.iter().any(|known| known == name)),
            secret: schema.get("writeOnly") == Some(&Value::Bool(true)),
            description: text(schema, "description").to_owned(),
        }
    }

    fn kind(&self, schema: &Value) -> Kind {
        let name = target(schema);
        if let Some((_, target)) = self.referred.iter().find(|(known, _)| known == name) {
            return self.kind(target);
        }
        if let Some(inner) = alternatives(schema) {
            return self.kind(inner);
        }
        let items = schema.get("items").map(|items| self.kind(items));
        match (type_name(schema), items) {
            ("boolean", _) => Kind::Boolean,
            ("integer", _) => Kind::Integer,
            ("array", Some(Kind::Text)) => Kind::Texts,
            ("array" | "object" | "", _) => Kind::Object,
            _ if text(schema, "format") == "date-time" => Kind::Time,
            _ => Kind::Text,
        }
    }
}

impl Kind {
    /// The value that a text stands for.
    #[must_use]
    pub fn value(self, text: &str) -> Value {
        let read = match self {
            Self::Boolean => text.parse::<bool>().map(Value::from).ok(),
            Self::Integer => text.parse::<i64>().map(Value::from).ok(),
            Self::Object => serde_json::from_str(text).ok(),
            Self::Text | Self::Time => None,
            Self::Texts => Some(text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()),
        };
        read.unwrap_or_else(|| Value::from(text))
    }
}

/// The names of an object's fields, as they were declared.
fn declared(schema: &RefOr<Schema>) -> Vec<String> {
    match schema {
        RefOr::T(Schema::Object(object)) => object.properties.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The name that a schema refers to.
fn target(schema: &Value) -> &str {
    text(schema, "$ref").rsplit('/').next().unwrap_or_default()
}

/// Of a value that may be null, what it is otherwise.
fn alternatives(schema: &Value) -> Option<&Value> {
    let one_of = schema.get("oneOf").and_then(Value::as_array)?;
    one_of.iter().find(|variant| text(variant, "type") != "null")
}

fn json(schema: &RefOr<Schema>) -> Value {
    // A schema always serialises; one that did not would describe nothing.
    serde_json::to_value(schema).unwrap_or_default()
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The type, of `["integer", "null"]` the first.
fn type_name(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::Array(types)) => {
            types.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or_default()
        }
        Some(Value::String(name)) => name,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use crate::api::operation;

    use super::*;

    fn answer(name: &str) -> Shape {
        (operation(name).unwrap().generic.as_ref().unwrap().answer)()
    }

    fn names(shape: &Shape) -> Vec<String> {
        shape.fields().into_iter().map(|field| field.name).collect()
    }

    #[test]
    fn fields_stand_in_the_order_of_their_declaration() {
        let found = answer("find_leases");
        assert_eq!(found.items().as_deref(), Some("leases"));
        let lease = found.within("leases").unwrap();
        assert_eq!(names(&lease)[..3], ["lease_id", "status", "client_id"]);
        assert_eq!(names(&lease.within("services").unwrap())[..2], ["service", "owner"]);
        assert!(lease.within("status").is_none() && lease.items().is_none());
    }

    #[test]
    fn kinds_and_secrets_are_told() {
        let shape = (operation("create_own_credential").unwrap().generic.as_ref().unwrap().request)();
        let fields = shape.fields();
        let field = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
        assert_eq!((field("fields").kind, field("fields").secret), (Kind::Object, true));
        assert_eq!((field("expires_at").kind, field("expires_at").secret), (Kind::Time, false));
        assert_eq!((field("service").kind, field("service").required), (Kind::Text, true));
    }
}
