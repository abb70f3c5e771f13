//! The envelope: `status` says whether it went well, `message` says nothing of the kind.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::Asked;
use crate::stage::answer;

/// It went well; `fields` is an object.
pub(crate) fn success(asked: &Asked<'_>, fields: Value) -> Response {
    let mut body = json!({ "status": "success" });
    if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
        if asked.switches.execution_time {
            // A message of the operation itself replaces this one.
            body.insert("message".to_owned(), json!("Execution took 0.0208 seconds"));
            body.insert("execution_time".to_owned(), json!("0.0208 seconds"));
        }
        body.extend(fields);
    }
    answer::ok(body)
}

/// It did not.
pub(crate) fn failed(asked: &Asked<'_>, status: StatusCode, message: &str) -> Response {
    let status = if asked.switches.errors_as_200 { StatusCode::OK } else { status };
    answer::json(status, json!({ "status": "error", "message": message }))
}

pub(crate) fn invalid(asked: &Asked<'_>, message: &str) -> Response {
    failed(asked, StatusCode::BAD_REQUEST, message)
}

pub(crate) fn not_found(asked: &Asked<'_>, what: &str) -> Response {
    failed(asked, StatusCode::NOT_FOUND, &format!("{what} Not Found"))
}

pub(crate) fn not_allowed(asked: &Asked<'_>) -> Response {
    failed(asked, StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
