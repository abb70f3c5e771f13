//! Answers in the forms that several stand-ins use.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

/// Carried by an answer that is to be sent later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Later(pub(crate) Duration);

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}

/// A JSON answer of status 200.
pub(crate) fn ok(body: Value) -> Response {
    json(StatusCode::OK, body)
}

/// A plain text.
pub(crate) fn text(status: StatusCode, body: String) -> Response {
    (status, body).into_response()
}

/// A page.
pub(crate) fn html(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
}

/// Sends the caller elsewhere.
pub(crate) fn redirect(status: StatusCode, location: &str) -> Response {
    with_header((status, Body::empty()).into_response(), header::LOCATION.as_str(), location)
}

/// The answer with one more header; without it, if name or value can't be one.
pub(crate) fn with_header(mut answer: Response, name: &str, value: &str) -> Response {
    if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), HeaderValue::from_str(value)) {
        answer.headers_mut().insert(name, value);
    }
    answer
}
