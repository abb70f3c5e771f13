//! The shape of a request or an answer: its JSON schema, and its fields as a query and a command line need them.

use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

/// A type's schema, and those that it refers to.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The type's name in the API's description.
    pub name: String,
    /// Its JSON schema (an object).
    pub schema: Value,
    /// The schemas that it refers to, by name.
    pub referred: Vec<(String, Value)>,
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
    /// A list of texts.
    Texts,
}

impl Shape {
    /// The shape of a type.
    #[must_use]
    pub fn of<T: ToSchema>() -> Self {
        let mut referred: Vec<(String, RefOr<Schema>)> = Vec::new();
        T::schemas(&mut referred);
        let referred = referred.into_iter().map(|(name, schema)| (name, json(&schema))).collect();
        Self { name: T::name().into_owned(), schema: json(&T::schema()), referred }
    }

    /// The fields, in their order.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let Some(properties) = self.schema.get("properties").and_then(Value::as_object) else {
            return Vec::new();
        };
        let required = self.schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
        properties
            .iter()
            .map(|(name, schema)| Field {
                name: name.clone(),
                kind: self.kind(schema),
                required: is_required(name),
                description: text(schema, "description").to_owned(),
            })
            .collect()
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

    fn kind(&self, schema: &Value) -> Kind {
        let target = text(schema, "$ref").rsplit('/').next().unwrap_or_default();
        if let Some((_, target)) = self.referred.iter().find(|(name, _)| name == target) {
            return self.kind(target);
        }
        let one_of = schema.get("oneOf").and_then(Value::as_array);
        if let Some(inner) = one_of.and_then(|variants| variants.iter().find(|v| text(v, "type") != "null")) {
            return self.kind(inner);
        }
        let items = schema.get("items").map(|items| self.kind(items));
        match (type_name(schema), items) {
            ("boolean", _) => Kind::Boolean,
            ("integer", _) => Kind::Integer,
            ("array", Some(Kind::Text)) => Kind::Texts,
            ("array" | "object" | "", _) => Kind::Object,
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
            Self::Text => None,
            Self::Texts => Some(text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()),
        };
        read.unwrap_or_else(|| Value::from(text))
    }
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
