//! What a fault does to the answer of one request.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures::stream::{self, StreamExt};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{Action, EchoFault, Fault, Faults, StatusFault};
use crate::stage::{
    answer,
    call::Call,
    secrets::{self, form_encoded, url_encoded},
};

/// The connection ends without an answer.
#[derive(Debug)]
pub(crate) struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection is closed without an answer, as asked for")
    }
}

impl std::error::Error for Closed {}

/// Answers the request as the fault wants it. `carry_out` answers it properly, and is called at most once.
pub(crate) async fn apply(
    fault: Fault,
    faults: &Faults,
    call: &Call,
    carry_out: impl FnOnce() -> Response,
) -> Result<Response, Closed> {
    let needs_answer = matches!(fault.action, Action::CloseAfterCommit | Action::TruncateBody);
    if fault.after_commit || needs_answer {
        let proper = carry_out();
        return distort(fault.action, faults, call, || proper).await;
    }
    distort(fault.action, faults, call, carry_out).await
}

async fn distort(
    action: Action,
    faults: &Faults,
    call: &Call,
    proper: impl FnOnce() -> Response,
) -> Result<Response, Closed> {
    Ok(match action {
        Action::Status(fault) => status(fault),
        Action::DelayMs(delay) => {
            // The fault itself: the caller waits in real time, whatever the virtual clock says.
            tokio::time::sleep(Duration::from_millis(delay)).await;
            proper()
        }
        Action::CloseBeforeResponse | Action::CloseAfterCommit => return Err(Closed),
        Action::TruncateBody => truncated(proper()).await,
        Action::InvalidJson => json_text(Body::from(r#"{"access_token":"broken off, "expires_in":"#)),
        Action::HtmlBody => answer::html(StatusCode::OK, PAGE.to_owned()),
        Action::Redirect(to) => answer::redirect(StatusCode::FOUND, &to),
        Action::HugeBody(bytes) => json_text(huge(bytes)),
        Action::Hang => {
            faults.hang().await;
            proper()
        }
        Action::EchoSecrets(EchoFault { code }) => answer::json(status_of(code), echo(call)),
    })
}

fn status(fault: StatusFault) -> Response {
    let code = status_of(fault.code);
    let plain = match fault.body {
        Value::Null => answer::text(code, String::new()),
        Value::String(text) => answer::text(code, text),
        body => answer::json(code, body),
    };
    fault.headers.iter().fold(plain, |answer, (name, value)| answer::with_header(answer, name, value))
}

/// Half of the body, under a head that promises all of it.
async fn truncated(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.slice(..whole.len() / 2);
    let broken = stream::iter([Ok(half)]).chain(stream::once(async {
        // The half is written while this waits.
        tokio::task::yield_now().await;
        Err(Closed)
    }));
    Response::from_parts(head, Body::from_stream(broken))
}

/// A JSON text of so many bytes.
fn huge(bytes: u64) -> Body {
    let filling = bytes.saturating_sub(2);
    let chunks = (0..filling.div_ceil(CHUNK)).map(move |index| {
        let length = (filling - index * CHUNK).min(CHUNK);
        Bytes::from(vec![b'x'; usize::try_from(length).unwrap_or_default()])
    });
    let quote = || std::iter::once(Bytes::from_static(b"\""));
    Body::from_stream(stream::iter(quote().chain(chunks).chain(quote()).map(Ok::<_, Closed>)))
}

fn echo(call: &Call) -> Value {
    let forms: Vec<[String; 3]> = secrets::of(call)
        .into_iter()
        .map(|secret| [form_encoded(&secret), url_encoded(&secret), secret])
        .collect();
    let description = format!("Refused: {}", forms.concat().join(" "));
    json!({ "error": "invalid_request", "error_description": description, "message": description })
}

fn json_text(body: Body) -> Response {
    answer::with_header(Response::new(body), "content-type", "application/json")
}

fn status_of(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

const CHUNK: u64 = 64 << 10;
const PAGE: &str = "<!doctype html><title>Just a moment</title><h1>Checking your browser</h1>";
