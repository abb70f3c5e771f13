//! What the tests of this room share: a router over a broker that knows nobody yet, and answers taken apart.

use std::sync::Arc;

use axum::{Router, body::Body, extract::Request, http::HeaderMap, response::Response};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::{
    broker::{self, Broker, Limits},
    clock::{Clock, ManualClock},
    egress::Egress,
    entropy::{Entropy, SeededEntropy},
    keyring::{
        Keyring,
        root::{self, RootKeys},
    },
    lifecycle::Lifecycle,
    model::{address::Reach, catalog::Catalog, instant::Instant},
    store::{
        Store, StoreError, UseReads,
        chain::ChainHead,
        committer::{Commit, Committer, Observer},
        sqlite,
    },
    telemetry::Metrics,
};

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
        metrics: Metrics::new(),
        slow: None,
        new_request_id: Arc::new(|| "fresh".to_owned()),
        body_bytes: 1 << 20,
        tls: false,
    }
}

/// The whole interface, over an empty database. The folder goes when it is dropped.
pub(super) async fn router() -> (Router, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let backend = sqlite::open(&folder.path().join("test.db"), true).await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Instant::from_micros(1_800_000_000_000_000)));
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
    let head = ChainHead::new("aud_test".to_owned(), clock.now());
    let life = Lifecycle::new();
    let (committer, writer) =
        Committer::new(Arc::clone(&backend), Arc::clone(&clock), Arc::new(Unobserved), head, 8);
    let (uses, reader) = UseReads::new(Arc::clone(&backend), 8);
    life.spawn(writer.run(life.drain_token()));
    life.spawn(reader.run(life.drain_token()));
    let keys = RootKeys::parse(&root::generate("test", &*entropy).unwrap()).unwrap();
    let egress = Egress::new(Reach::Public, Arc::clone(&clock)).unwrap();
    let broker = Broker::new(broker::Parts {
        store: Store::new(backend, committer, uses),
        keyring: Arc::new(Keyring::new(keys, Arc::clone(&entropy))),
        clock,
        entropy,
        limits: Limits::default(),
        issuer_url: "https://leasehold.test".to_owned(),
        catalog: Catalog::built_in().clone(),
        egress,
        spawn: Arc::new(move |task| drop(life.spawn(task))),
    });
    (super::router(Arc::new(broker), parts()), folder)
}

struct Unobserved;

impl Observer for Unobserved {
    fn committed(&self, _: &Commit<'_>) {}
    fn failed(&self, _: &StoreError) {}
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
