//! The last requests, without their secrets.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    call::{Call, Pairs},
    clock::rfc3339,
    lock, secrets,
};

/// A request as it is kept: secrets are replaced by their fingerprints.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    /// When it came, by the stand-in's clock; RFC 3339.
    pub at: String,
    /// `GET` and the like.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Names and values of the query.
    pub query: Vec<(String, String)>,
    /// Names, in lower case, and values of the headers.
    pub headers: Vec<(String, String)>,
    /// A form or JSON as JSON; of any other body its length.
    pub body: Value,
}

impl Recorded {
    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// The last [`MAX_RECORDS`] requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last: Mutex<VecDeque<Recorded>>,
    /// All that ever came, since the last reset.
    count: watch::Sender<u64>,
}

impl Records {
    pub(crate) fn add(&self, call: &Call, now: i64) {
        let recorded = Recorded {
            at: rfc3339(now),
            method: call.method.to_string(),
            path: call.path.clone(),
            query: secrets::shown_pairs(&call.query),
            headers: headers(call),
            body: if call.body.len() > MAX_BODY {
                Value::String(format!("{} bytes", call.body.len()))
            } else {
                secrets::shown_body(call)
            },
        };
        let mut last = lock(&self.0.last);
        if last.len() >= MAX_RECORDS {
            last.pop_front();
        }
        last.push_back(recorded);
        self.0.count.send_modify(|count| *count += 1);
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        lock(&self.0.last).iter().cloned().collect()
    }

    pub(crate) fn reset(&self) {
        lock(&self.0.last).clear();
        self.0.count.send_replace(0);
    }

    /// Waits until so many came.
    pub(crate) async fn wait_for(&self, wanted: u64) {
        // It can't fail: the sender lives as long as `self`.
        let _ = self.0.count.subscribe().wait_for(|count| *count >= wanted).await;
    }
}

fn headers(call: &Call) -> Pairs {
    let shown = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), secrets::shown_header(call, name.as_str(), &value))
    };
    call.headers.iter().map(shown).collect()
}

const MAX_RECORDS: usize = 2_000;
const MAX_BODY: usize = 16 << 10;
