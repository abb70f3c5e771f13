//! Webhooks: what a stand-in tells others by itself, again and again until it is accepted. When to try again is counted
//! on the stand-in's clock. Only loopback is told anything.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Bytes;
use data_encoding::HEXLOWER;
use http::{Request, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ring::hmac;
use tokio::{
    net::TcpStream,
    sync::{Notify, watch},
};
use url::Url;

use super::{clock::Clock, counters::Counters, lock, loopback::is_loopback};

/// What is to be told.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// Statuses that end it.
    pub(crate) accepted: &'static [u16],
    /// Seconds between one try and the next; after the last one it is given up.
    pub(crate) pauses: &'static [i64],
}

/// Deliveries that wait. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Vec<Waiting>>,
    added: Notify,
    /// Tries that were not accepted.
    refused: watch::Sender<u64>,
}

#[derive(Debug)]
struct Waiting {
    delivery: Delivery,
    tries: usize,
    /// Milliseconds since 1970.
    due: i64,
}

impl Outbox {
    /// Tells it soon.
    pub(crate) fn add(&self, delivery: Delivery) {
        lock(&self.0.waiting).push(Waiting { delivery, tries: 0, due: i64::MIN });
        self.0.added.notify_one();
    }

    /// Waits until so many tries were not accepted.
    pub(crate) async fn wait_for_refusals(&self, wanted: u64) {
        // It can't fail: the sender lives as long as `self`.
        let _ = self.0.refused.subscribe().wait_for(|refused| *refused >= wanted).await;
    }

    pub(crate) fn reset(&self) {
        lock(&self.0.waiting).clear();
        self.0.refused.send_replace(0);
    }

    /// Delivers what is due until it is dropped.
    pub(crate) async fn run(self, clock: Clock, counters: Counters) {
        let mut moves = clock.moves();
        loop {
            while let Some(waiting) = self.take_due(clock.millis()) {
                self.attempt(waiting, &clock, &counters).await;
            }
            let pending = !lock(&self.0.waiting).is_empty();
            tokio::select! {
                () = self.0.added.notified() => {}
                _ = moves.changed() => {}
                // Time passes by itself, too.
                () = tokio::time::sleep(Duration::from_secs(1)), if pending => {}
            }
        }
    }

    async fn attempt(&self, mut waiting: Waiting, clock: &Clock, counters: &Counters) {
        let answered = tokio::time::timeout(PATIENCE, post(&waiting.delivery)).await.ok().flatten();
        if answered.is_some_and(|status| waiting.delivery.accepted.contains(&status)) {
            counters.count(|counts| &mut counts.webhooks_accepted);
            return;
        }
        counters.count(|counts| &mut counts.webhooks_refused);
        if let Some(pause) = waiting.delivery.pauses.get(waiting.tries) {
            waiting.due = clock.millis() + pause * 1_000;
            waiting.tries += 1;
            lock(&self.0.waiting).push(waiting);
        }
        self.0.refused.send_modify(|refused| *refused += 1);
    }

    fn take_due(&self, now: i64) -> Option<Waiting> {
        let mut waiting = lock(&self.0.waiting);
        let place = waiting.iter().position(|waiting| waiting.due <= now)?;
        Some(waiting.remove(place))
    }
}

/// HMAC-SHA256 in hexadecimal digits, with which webhooks are signed.
#[must_use]
pub fn signature(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    HEXLOWER.encode(hmac::sign(&key, text.as_bytes()).as_ref())
}

/// The answer's status; `None` if none came, or if the address is not allowed.
async fn post(delivery: &Delivery) -> Option<u16> {
    let url = Url::parse(&delivery.url).ok().filter(is_loopback)?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = Request::post(target)
        .header(header::HOST, format!("{host}:{port}"))
        .header(header::CONTENT_TYPE, delivery.content_type);
    for (name, value) in &delivery.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(delivery.body.clone()))).ok()?;
    // The connection ends once nobody can send on it any more.
    let asked = async move { sender.send_request(request).await.ok().map(|answer| answer.status().as_u16()) };
    futures::join!(asked, connection).0
}

const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn signatures_are_those_of_the_services() {
        assert_eq!(
            signature("whsec_test", r#"{"event_id":"evt_1","type":"order.updated"}"#),
            "a2766b7119dece2e169f9a98fe01f64da7348794c80ed3a5b3f76c6dab024dbd"
        );
        assert_eq!(
            signature("od_test_key", r#"{"id":"1","email":"a@b.test"}"#),
            "5b64296c7b219e40c071af1b00df2965a50653eed34794fc99bee143a40ca759"
        );
    }
}
