//! Errors and success as Tray words them.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::options::StoreStatus;
use crate::stage::{answer, call::Call};

/// The `error_code` of a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 1000: refreshing helps.
    Expired,
    /// 1001 to 1003: nothing does.
    Store(StoreStatus),
    /// 1099: unknown, or of another store.
    Invalid,
}

impl Refusal {
    const fn code(self) -> u16 {
        match self {
            Self::Expired => 1_000,
            Self::Store(StoreStatus::Blocked) => 1_001,
            Self::Store(StoreStatus::Inactive) => 1_002,
            Self::Store(StoreStatus::Cancelled) => 1_003,
            Self::Store(StoreStatus::Active) | Self::Invalid => 1_099,
        }
    }

    const fn cause(self) -> &'static str {
        match self {
            Self::Expired => "Token inválido ou expirado",
            Self::Store(_) => "Loja bloqueada, inativa ou cancelada",
            Self::Invalid => "Token inválido",
        }
    }
}

/// The `error_code` that a store's status has, if it is not active.
pub(crate) fn store_refusal(status: StoreStatus) -> Option<Refusal> {
    (status != StoreStatus::Active).then_some(Refusal::Store(status))
}

pub(crate) fn refused(call: &Call, refusal: Refusal) -> Response {
    refused_with(StatusCode::UNAUTHORIZED, call, refusal, refusal.cause())
}

pub(crate) fn refused_with(status: StatusCode, call: &Call, refusal: Refusal, cause: &str) -> Response {
    let body = json!({
        "code": status.as_u16(), "url": url(call), "name": "Unauthorized access",
        "error_code": refusal.code(), "causes": [cause],
    });
    answer::json(status, body)
}

pub(crate) fn not_found(call: &Call) -> Response {
    answer::json(StatusCode::NOT_FOUND, json!({ "code": 404, "name": "Not Found", "url": url(call) }))
}

pub(crate) fn method_not_allowed(call: &Call) -> Response {
    let body = json!({ "code": 405, "name": "Method Not Allowed", "url": url(call) });
    answer::json(StatusCode::METHOD_NOT_ALLOWED, body)
}

/// `causes` is a list, or an object of lists by field.
pub(crate) fn invalid(call: &Call, causes: &Value) -> Response {
    let body = json!({ "code": 400, "name": "Invalid data provided", "url": url(call), "causes": causes });
    answer::json(StatusCode::BAD_REQUEST, body)
}

/// Without `Retry-After`, as there.
pub(crate) fn too_many() -> Response {
    let body = json!({ "code": 429, "name": "Too Many Requests" });
    answer::json(StatusCode::TOO_MANY_REQUESTS, body)
}

/// The answer to a write, which never shows what was written.
pub(crate) fn written(message: &str, id: &str) -> Response {
    let status = if message == "Created" { StatusCode::CREATED } else { StatusCode::OK };
    answer::json(status, json!({ "message": message, "id": id, "code": status.as_u16() }))
}

/// The doubled slash is the original's.
fn url(call: &Call) -> String {
    let path = call.path.split_once("/web_api").map_or("", |(_, path)| path);
    format!("/{path}")
}
