//! Describes an operation from its row in the table and the shapes of its request and answer.

use serde_json::{Map, Value, json};

use http::Method;

use crate::api::{
    Operation,
    shape::{Field, Shape},
};

use super::{errors::errors, security};

/// Adds the operation to the document, if it is one that the table does by itself.
pub(super) fn describe(document: &mut Value, operation: &Operation) {
    let Some(generic) = &operation.generic else { return };
    let (request, answer) = ((generic.request)(), (generic.answer)());
    let described = path_item(operation, &request, &answer);
    insert(document, &["paths", operation.path, &operation.method.as_str().to_lowercase()], described);
    if has_body(operation, &request) {
        let body = body(operation, &request.schema);
        insert(document, &["components", "schemas", &request.name], body);
    }
    for (name, schema) in request.referred.into_iter().chain(answer.referred) {
        insert(document, &["components", "schemas", &name], schema);
    }
    insert(document, &["components", "schemas", &answer.name], answer.schema);
}

fn path_item(operation: &Operation, request: &Shape, answer: &Shape) -> Value {
    let (summary, rest) =
        operation.description.trim().split_once('\n').unwrap_or((operation.description, ""));
    let rest: Vec<&str> = rest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut described = json!({
        "operationId": operation.name,
        "tags": [tag(operation)],
        "summary": summary.trim(),
        "description": rest.join(" "),
        "parameters": parameters(operation, request),
        "security": security(operation),
        "responses": responses(operation, request, answer),
    });
    if has_body(operation, request) {
        let required = !in_query_too(operation) && elsewhere(operation, request).any(|field| field.required);
        let body = json!({ "required": required, "content": { "application/json": { "schema": reference(&request.name) } } });
        insert(&mut described, &["requestBody"], body);
    }
    described
}

/// Resources of administration are told apart by the path; the rest is a person's own.
fn tag(operation: &Operation) -> &'static str {
    if operation.path.starts_with("/api/admin/") { "administration" } else { "self-service" }
}

/// Whether anything of the request can stand in a body.
fn has_body(operation: &Operation, request: &Shape) -> bool {
    operation.method != Method::GET && elsewhere(operation, request).next().is_some()
}

/// Whether what stands in the body may stand in the query instead.
fn in_query_too(operation: &Operation) -> bool {
    operation.method == Method::DELETE
}

/// The fields that the path does not name.
fn elsewhere(operation: &Operation, request: &Shape) -> impl Iterator<Item = Field> {
    request.fields().into_iter().filter(|field| !operation.in_path(&field.name))
}

fn parameters(operation: &Operation, request: &Shape) -> Vec<Value> {
    let properties = request.schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let fields = request.fields();
    let alone = operation.method == Method::GET;
    let shown =
        fields.iter().filter(|field| operation.in_path(&field.name) || alone || in_query_too(operation));
    let mut parameters: Vec<Value> = shown
        .map(|field| {
            let path = operation.in_path(&field.name);
            json!({
                "name": field.name,
                "in": if path { "path" } else { "query" },
                "required": path || (field.required && alone),
                "description": field.description,
                "explode": false,
                "schema": parameter(properties.get(&field.name), path),
            })
        })
        .collect();
    if !alone && properties.contains_key("etag") {
        parameters.push(json!({
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "The entity tag that was read, quoted: refused with 412 when the row changed since",
            "schema": { "type": "string", "pattern": ENTITY_TAG },
        }));
    }
    parameters
}

/// A field as a parameter, which is there or not, but never null. An empty text in a query counts as left out, whatever
/// the format of others.
fn parameter(schema: Option<&Value>, in_path: bool) -> Value {
    let mut schema = schema.cloned().unwrap_or_default();
    if let Some(members) = schema.as_object_mut().filter(|_| !in_path) {
        members.remove("format");
    }
    schema
}

/// The schema of what is never null.
pub(super) fn without_null(mut schema: Value) -> Value {
    let variants = schema.get("oneOf").and_then(Value::as_array);
    if let Some(variants) = variants {
        let mut others = variants.iter().filter(|variant| variant.get("type") != Some(&json!("null")));
        if let (Some(only), None) = (others.next(), others.next()) {
            return only.clone();
        }
    }
    if let Some(names) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        names.retain(|name| !name.is_null());
    }
    let types = schema.get("type").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut others = types.into_iter().filter(|name| name != "null");
    if let (Some(kind), Some(members)) = (others.next(), schema.as_object_mut()) {
        members.insert("type".to_owned(), kind);
    }
    schema
}

/// The request without what stands in the path.
fn body(operation: &Operation, schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !operation.in_path(name));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        let elsewhere = |name: &str| in_query_too(operation) || operation.in_path(name);
        required.retain(|name| !name.as_str().is_some_and(elsewhere));
    }
    schema
}

fn responses(operation: &Operation, request: &Shape, answer: &Shape) -> Value {
    let mut responses = Map::new();
    let media_type = if operation.answers_lines() { "application/jsonl" } else { "application/json" };
    let content = json!({ media_type: { "schema": reference(&answer.name) } });
    let success = json!({ "description": answer.schema.get("description"), "content": content });
    responses.insert(operation.status.to_string(), success);
    for (status, what) in errors(operation, Some(request)) {
        let content = json!({ "application/problem+json": { "schema": reference("Problem") } });
        responses.insert(status.to_owned(), json!({ "description": what, "content": content }));
    }
    Value::Object(responses)
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// One quoted tag, or any: RFC 9110 allows several, but a row has one state.
const ENTITY_TAG: &str = r#"^(\*|"[^"]+")$"#;

/// Puts a value at a place of the document, making what leads there.
fn insert(document: &mut Value, place: &[&str], value: Value) {
    let mut at = document;
    for name in place {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Some(object) = at.as_object_mut() else { return };
        at = object.entry((*name).to_owned()).or_insert(Value::Null);
    }
    *at = value;
}
