//! What is shared by all calls to one upstream: how many at a time, and how it did lately.

use std::{sync::Arc, sync::Mutex, time::Duration};

use quick_cache::sync::Cache;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use url::Url;

use crate::clock::Clock;

use super::{Answer, EgressError, breaker::Breaker};

/// Every upstream that was asked lately, by scheme, host and port.
pub(super) struct Upstreams {
    clock: Arc<dyn Clock>,
    known: Cache<String, Arc<Shared>>,
}

struct Shared {
    turns: Arc<Semaphore>,
    breaker: Mutex<Breaker>,
}

/// One upstream.
pub(super) struct Upstream {
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstreams").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Upstreams {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, known: Cache::new(MAX_UPSTREAMS) }
    }

    /// The one that a URL leads to.
    ///
    /// # Errors
    /// It is left alone for a while.
    pub(super) fn of(&self, url: &Url) -> Result<Upstream, EgressError> {
        let name = url.origin().ascii_serialization();
        let fresh = || Ok::<_, EgressError>(Arc::new(Shared::default()));
        let shared = self.known.get_or_insert_with(&name, fresh)?;
        let rest = shared.breaker().rest(self.clock.now());
        match rest.map(u64::try_from) {
            Some(Ok(micros)) => Err(EgressError::Resting(Duration::from_micros(micros))),
            _ => Ok(Upstream { clock: Arc::clone(&self.clock), shared }),
        }
    }
}

impl Upstream {
    /// Waits for a turn, no longer than told.
    pub(super) async fn turn(&self, longest: Duration) -> Result<OwnedSemaphorePermit, EgressError> {
        let turns = Arc::clone(&self.shared.turns);
        match timeout(longest, turns.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(EgressError::Busy),
        }
    }

    /// Remembers how a call ended.
    pub(super) fn note(&self, outcome: &Result<Answer, EgressError>) {
        let mut breaker = self.shared.breaker();
        match outcome {
            Ok(answer) if answer.status.is_server_error() => breaker.failed(self.clock.now()),
            // A refusal, too much, a request that cannot be written: the upstream is there.
            Ok(_) | Err(EgressError::TooLarge(_) | EgressError::Malformed) => breaker.answered(),
            Err(_) => breaker.failed(self.clock.now()),
        }
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(TURNS)), breaker: Mutex::default() }
    }
}

impl Shared {
    /// Nothing is left half done by a panic: a breaker is two numbers.
    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

const MAX_UPSTREAMS: usize = 10_000;
/// At a time, and each replica.
const TURNS: usize = 8;
