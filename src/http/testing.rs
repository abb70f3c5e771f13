//! What the tests of this room share: a router over a broker that knows nobody, and answers taken apart.

use std::sync::Arc;

use axum::{Router, body::Body, extract::Request, http::HeaderMap, response::Response};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::broker::Broker;

use super::Parts;

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// Null when it is no JSON.
    pub(super) json: Value,
}

/// Parts that do nothing.
pub(super) fn parts() -> Parts {
    Parts {
        render_metrics: Arc::new(|| "leasehold_up 1\n".to_owned()),
        new_request_id: Arc::new(|| "fresh".to_owned()),
        on_response: Arc::new(|_| ()),
        tls: false,
    }
}

/// The whole interface.
pub(super) fn router() -> Router {
    super::router(Arc::new(Broker::stub()), parts())
}

/// A request without a body.
pub(super) fn get(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Reads an answer.
pub(super) async fn answer(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json = serde_json::from_slice(&bytes).unwrap_or_default();
    Answer { status: parts.status.as_u16(), headers: parts.headers, text, json }
}

impl Answer {
    /// A header's text; empty when there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
