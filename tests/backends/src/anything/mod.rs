//! An upstream for tools that call any API: it shows what it was asked, and answers in every way that it is asked for.
//!
//! `/basic-auth` takes the user `stand-in` with the password `stand-in`.

mod drip;

use std::{io, time::Duration};

use axum::{body::Body, response::Response};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::stage::{
    Backend, Listen, Running, Stage, Switches, answer, call::Call, running, secrets, switches::Switchboard,
};

/// The stand-in.
#[derive(Debug)]
pub struct Anything {
    stage: Stage,
    /// It has none.
    switches: Switches<Map<String, Value>>,
}

/// How to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where.
    pub listen: Listen,
}

impl Anything {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Running<Self>> {
        running::start(options.listen, |stage| Self { stage, switches: Switches::new(Map::new()) }).await
    }
}

impl Backend for Anything {
    fn answer(&self, call: &Call) -> Response {
        if let Some(token) = call.bearer() {
            self.stage.counters.call_with(token);
        }
        match call.segments().as_slice() {
            ["echo", ..] => answer::ok(echo(call)),
            ["status", code] => status(code),
            ["delay", milliseconds] => delayed(call, milliseconds),
            ["redirect"] => answer::redirect(StatusCode::FOUND, call.query("to").unwrap_or("/echo")),
            ["big", bytes] => answer::with_header(
                Response::new(Body::from(vec![
                    b'x';
                    bytes.parse::<usize>().unwrap_or_default().min(MOST_BYTES)
                ])),
                "content-type",
                "application/octet-stream",
            ),
            ["secret-echo"] => answer::ok(json!({ "you_sent": secrets::of(call) })),
            ["slow-drip"] => drip::answer(call),
            ["basic-auth"] => basic(call),
            ["graphql"] if call.method == Method::POST => answer::ok(json!({ "data": echo(call) })),
            _ => answer::json(StatusCode::NOT_FOUND, json!({ "error": "not_found", "path": call.path })),
        }
    }

    fn reset(&self) {}

    fn switches(&self) -> &dyn Switchboard {
        &self.switches
    }
}

/// The request, except what is secret: it shows fingerprints.
fn echo(call: &Call) -> Value {
    let headers: Map<String, Value> = call
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), json!(secrets::shown_header(call, name.as_str(), &value)))
        })
        .collect();
    json!({
        "method": call.method.as_str(), "path": call.path, "query": secrets::shown_pairs(&call.query),
        "headers": headers, "body": secrets::shown_body(call),
    })
}

fn status(code: &str) -> Response {
    let code = code.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
    let code = code.unwrap_or(StatusCode::BAD_REQUEST);
    answer::json(code, json!({ "status": code.as_u16() }))
}

fn delayed(call: &Call, milliseconds: &str) -> Response {
    let delay = Duration::from_millis(milliseconds.parse().unwrap_or_default());
    let mut answer = answer::ok(echo(call));
    answer.extensions_mut().insert(answer::Later(delay));
    answer
}

fn basic(call: &Call) -> Response {
    if call.basic().is_some_and(|(user, password)| user == USER && password == USER) {
        return answer::ok(json!({ "authenticated": true, "user": USER }));
    }
    let refusal = answer::json(StatusCode::UNAUTHORIZED, json!({ "authenticated": false }));
    answer::with_header(refusal, "www-authenticate", "Basic realm=\"stand-in\"")
}

/// User and password of `/basic-auth`.
pub const USER: &str = "stand-in";
const MOST_BYTES: usize = 64 << 20;
