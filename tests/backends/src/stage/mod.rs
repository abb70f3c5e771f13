//! What every stand-in shares: a listener on loopback, a clock that tests move, faults, counters, recorded requests,
//! switches, and the control surface over all of it.
//!
//! A stand-in is a [`Backend`]: a function from a request to an answer, over state of its own. It knows nothing of
//! connections and faults.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod clock;
mod control;
mod counters;
mod faults;
pub(crate) mod limits;
pub(crate) mod loopback;
pub(crate) mod outbox;
pub(crate) mod random;
mod records;
pub(crate) mod running;
pub(crate) mod secrets;
mod serve;
pub(crate) mod switches;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use serde::{Deserialize, Serialize};

pub use clock::Clock;
pub use counters::Counts;
pub use faults::{Action, EchoFault, Fault, Faults, Match, StatusFault};
pub use records::Recorded;
pub use running::{Listen, Running};
pub use switches::Switches;

use call::Call;
use counters::Counters;
use outbox::Outbox;
use records::Records;
use switches::Switchboard;

/// A stand-in, without what all of them share.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Carries the request out.
    fn answer(&self, call: &Call) -> Response;

    /// Forgets everything that happened since the start, switches aside.
    fn reset(&self);

    /// Its switches.
    fn switches(&self) -> &dyn Switchboard;

    /// Access tokens that would be accepted now.
    fn live_tokens(&self) -> usize {
        0
    }

    /// Ends tokens as a service does that changed its mind: without notice.
    fn end(&self, _tokens: Ended) {}
}

/// Which tokens end without notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Access tokens; refresh tokens live on.
    Access,
    /// Whole grants: access and refresh tokens.
    Grants,
}

/// What a stand-in is given. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) outbox: Outbox,
    faults: Faults,
    records: Records,
}

/// A stand-in on its stage.
pub(crate) struct Actor {
    stage: Stage,
    backend: Arc<dyn Backend>,
}

impl Actor {
    fn counts(&self) -> Counts {
        let live_tokens = u64::try_from(self.backend.live_tokens()).unwrap_or(u64::MAX);
        Counts { live_tokens, ..self.stage.counters.now() }
    }

    /// As at the start. The clock stays where it is, since time does not go back.
    fn reset(&self) {
        self.backend.reset();
        self.backend.switches().reset();
        self.stage.faults.clear();
        self.stage.faults.release();
        self.stage.outbox.reset();
        self.stage.records.reset();
        self.stage.counters.reset();
    }
}

/// The lock, also after a panic in another request: state is never left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
