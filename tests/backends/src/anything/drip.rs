//! `/slow-drip?bytes=10&every_ms=100`: a body that comes byte by byte.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures::stream;

use crate::stage::{answer, call::Call};

/// The answer's head comes at once.
pub(crate) fn answer(call: &Call) -> Response {
    let number =
        |name: &str, usual: u64| call.query(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (bytes, pause) = (number("bytes", 10), Duration::from_millis(number("every_ms", 100)));
    let drops = stream::unfold(bytes, move |left| async move {
        let rest = left.checked_sub(1)?;
        // What this upstream is for: an answer that comes slowly, for the caller.
        tokio::time::sleep(pause).await;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b".")), rest))
    });
    answer::with_header(Response::new(Body::from_stream(drops)), "content-type", "text/plain")
}
