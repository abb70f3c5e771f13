//! The control surface, `/__ctl/…`: what a test of another process does to a stand-in. What goes wrong here is answered
//! with 400 and a text.

use std::time::Duration;

use axum::response::Response;
use http::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Actor, Ended, Fault, answer, call::Call, clock::rfc3339};

/// The first part of the paths.
pub(crate) const ROOT: &str = "__ctl";

/// Answers a request below [`ROOT`].
pub(crate) fn answer(actor: &Actor, call: &Call) -> Response {
    let segments = call.segments();
    let topic = segments.get(1).copied().unwrap_or_default();
    let done = match (&call.method, topic) {
        (&Method::POST, "reset") => {
            actor.reset();
            Ok(Value::Null)
        }
        (&Method::GET, "requests") => Ok(json!({ "requests": actor.stage.records.all() })),
        (&Method::GET, "counters") => Ok(json!(actor.counts())),
        (_, "faults") => faults(actor, call),
        (&Method::POST, "release") => {
            actor.stage.faults.release();
            Ok(Value::Null)
        }
        (_, "clock") => clock(actor, call),
        (_, "switches") => switches(actor, call),
        (&Method::POST, "end") => read(call).map(|End { tokens }| {
            actor.backend.end(tokens);
            Value::Null
        }),
        _ => return answer::text(StatusCode::NOT_FOUND, format!("no {} {} here", call.method, call.path)),
    };
    match done {
        Ok(Value::Null) => answer::ok(json!({})),
        Ok(body) => answer::ok(body),
        Err(reason) => answer::json(StatusCode::BAD_REQUEST, json!({ "error": reason })),
    }
}

fn faults(actor: &Actor, call: &Call) -> Result<Value, String> {
    let faults = &actor.stage.faults;
    match call.method {
        Method::GET => {}
        Method::DELETE => faults.clear(),
        _ => faults.add(read::<Fault>(call)?),
    }
    Ok(json!({ "waiting": faults.waiting(), "hanging": faults.hanging() }))
}

fn clock(actor: &Actor, call: &Call) -> Result<Value, String> {
    let clock = &actor.stage.clock;
    if call.method == Method::POST {
        let change: ClockChange = read(call)?;
        match change.frozen {
            Some(true) => clock.freeze(),
            Some(false) => clock.thaw(),
            None => {}
        }
        clock.advance(Duration::from_secs(change.advance_s));
    }
    Ok(json!({ "now": rfc3339(clock.now()), "now_s": clock.now() }))
}

fn switches(actor: &Actor, call: &Call) -> Result<Value, String> {
    let switches = actor.backend.switches();
    if call.method != Method::GET {
        switches.merge(read(call)?)?;
    }
    Ok(switches.show())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    #[serde(default)]
    advance_s: u64,
    frozen: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    tokens: Ended,
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, String> {
    serde_json::from_slice(&call.body).map_err(|error| error.to_string())
}
