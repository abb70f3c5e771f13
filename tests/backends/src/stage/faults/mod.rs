//! Faults: what goes wrong with which request.
//!
//! Owns the faults that wait for their request, and the requests that hang. A fault is used up by matching `times`
//! times; the first one that matches is taken. What it does to the answer is in `effect`.

mod effect;
mod matching;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

pub(crate) use effect::{Closed, apply};
pub use matching::Match;

use super::{call::Call, lock};

/// What happens instead of a proper answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An answer of this status.
    Status(StatusFault),
    /// The proper answer, so many milliseconds of real time later.
    DelayMs(u64),
    /// The connection ends without an answer, and nothing was done.
    CloseBeforeResponse,
    /// The request is carried out, and the connection ends without an answer.
    CloseAfterCommit,
    /// The request is carried out; half of the answer's body comes, then the connection ends.
    TruncateBody,
    /// Status 200, and JSON that breaks off.
    InvalidJson,
    /// Status 200, and a page, as proxies and portals answer.
    HtmlBody,
    /// Status 302 to this address.
    Redirect(String),
    /// Status 200, and so many bytes of JSON.
    HugeBody(u64),
    /// No answer until [`Faults::release`]; then the proper one.
    Hang,
    /// An error whose text holds every secret of the request: raw, form-encoded and URL-encoded.
    EchoSecrets(EchoFault),
}

/// An answer of a given status.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusFault {
    /// The status.
    pub code: u16,
    /// JSON, or a text, which is sent as it is.
    #[serde(default)]
    pub body: Value,
    /// More headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// An answer that echoes secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EchoFault {
    /// The status.
    #[serde(default = "EchoFault::usual")]
    pub code: u16,
}

impl EchoFault {
    const fn usual() -> u16 {
        400
    }
}

/// A fault, and which requests it is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests; all of them when it names nothing.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// How many requests; `null` is all of them until the faults are cleared.
    #[serde(default = "Fault::once")]
    pub times: Option<u32>,
    /// How many matching requests are let through before.
    #[serde(default)]
    pub skip: u32,
    /// Whether the request is carried out before it goes wrong, where the action leaves that open.
    #[serde(default)]
    pub after_commit: bool,
    /// What happens.
    pub action: Action,
}

impl Fault {
    /// For one request, whichever comes first.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self { matching: Match::default(), times: Self::once(), skip: 0, after_commit: false, action }
    }

    /// An answer of this status, without a body.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::new(Action::Status(StatusFault { code, body: Value::Null, headers: BTreeMap::new() }))
    }

    /// For requests of this method (`*`: any) and path, in which `*` stands for anything.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.matching.method = Some(method.to_owned());
        self.matching.path = Some(path.to_owned());
        self
    }

    /// For so many requests.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// For every request until the faults are cleared.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// The request is carried out before it goes wrong.
    #[must_use]
    pub const fn after_commit(mut self) -> Self {
        self.after_commit = true;
        self
    }

    #[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
    const fn once() -> Option<u32> {
        Some(1)
    }
}

/// The faults of one stand-in. Clones are the same.
#[derive(Debug, Clone)]
pub struct Faults {
    waiting: Arc<Mutex<Vec<Fault>>>,
    hanging: Arc<watch::Sender<Hanging>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Hanging {
    /// Requests that hang now.
    count: u32,
    /// Grows with each release.
    released: u64,
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self { waiting: Arc::default(), hanging: Arc::new(watch::Sender::default()) }
    }

    /// Adds one, behind those that wait already.
    pub fn add(&self, fault: Fault) {
        lock(&self.waiting).push(fault);
    }

    /// Those that wait for a request.
    #[must_use]
    pub fn waiting(&self) -> Vec<Fault> {
        lock(&self.waiting).clone()
    }

    /// Forgets those that wait; what hangs goes on hanging.
    pub fn clear(&self) {
        lock(&self.waiting).clear();
    }

    /// Lets go whatever hangs.
    pub fn release(&self) {
        self.hanging.send_modify(|hanging| hanging.released += 1);
    }

    /// How many requests hang now.
    #[must_use]
    pub fn hanging(&self) -> u32 {
        self.hanging.borrow().count
    }

    /// Waits until at least so many requests hang.
    pub async fn wait_until_hanging(&self, count: u32) {
        // Neither fails: the sender lives as long as `self`.
        let _ = self.hanging.subscribe().wait_for(|hanging| hanging.count >= count).await;
    }

    /// Waits until none hangs: they were released, or their callers left.
    pub async fn wait_until_none_hangs(&self) {
        let _ = self.hanging.subscribe().wait_for(|hanging| hanging.count == 0).await;
    }

    /// The fault for this request, which counts as one of its times.
    pub(crate) fn take(&self, call: &Call) -> Option<Fault> {
        let mut waiting = lock(&self.waiting);
        let place = waiting.iter_mut().position(|fault| {
            let matches = fault.matching.matches(call);
            let passes = matches && fault.skip > 0;
            fault.skip -= u32::from(passes);
            matches && !passes
        })?;
        let fault = waiting.get_mut(place)?;
        let taken = fault.clone();
        fault.times = fault.times.map(|times| times.saturating_sub(1));
        if fault.times == Some(0) {
            waiting.remove(place);
        }
        Some(taken)
    }

    /// Hangs until the next release, or until the caller leaves.
    async fn hang(&self) {
        let mut watched = self.hanging.subscribe();
        let released = watched.borrow().released;
        let _hung = Hung::new(&self.hanging);
        let _ = watched.wait_for(|hanging| hanging.released > released).await;
    }
}

/// Counts a request as hanging while it lives.
struct Hung<'a>(&'a watch::Sender<Hanging>);

impl<'a> Hung<'a> {
    fn new(hanging: &'a watch::Sender<Hanging>) -> Self {
        hanging.send_modify(|hanging| hanging.count += 1);
        Self(hanging)
    }
}

impl Drop for Hung<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|hanging| hanging.count -= 1);
    }
}
