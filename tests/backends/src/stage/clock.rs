//! Time as a stand-in sees it: the machine's, plus what a test added. A frozen clock moves by advancing alone.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use tokio::sync::watch;

use super::lock;

/// A virtual clock. Clones are the same clock, so that several stand-ins and a test can share one.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Milliseconds since 1970, at `started`.
    origin: i64,
    started: Instant,
    moved: Mutex<Moved>,
    /// Told whenever the time was moved.
    moves: watch::Sender<()>,
}

/// All in milliseconds.
#[derive(Debug, Default)]
struct Moved {
    offset: i64,
    frozen_at: Option<i64>,
}

impl Clock {
    /// The machine's time, for now.
    #[must_use]
    pub fn start() -> Self {
        let (origin, started) = machine();
        Self(Arc::new(Inner { origin, started, moved: Mutex::default(), moves: watch::Sender::default() }))
    }

    /// A clock that stands still until it is advanced.
    #[must_use]
    pub fn frozen() -> Self {
        let clock = Self::start();
        clock.freeze();
        clock
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.millis().div_euclid(1_000)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(&self) -> i64 {
        let moved = lock(&self.0.moved);
        moved.frozen_at.unwrap_or_else(|| self.unmoved()) + moved.offset
    }

    /// Moves the time ahead.
    pub fn advance(&self, by: Duration) {
        lock(&self.0.moved).offset += i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.0.moves.send_replace(());
    }

    /// Stops the time; rate limits then refill by [`Clock::advance`] alone.
    pub fn freeze(&self) {
        let unmoved = self.unmoved();
        lock(&self.0.moved).frozen_at.get_or_insert(unmoved);
    }

    /// Lets the time go on from where it stands.
    pub fn thaw(&self) {
        let unmoved = self.unmoved();
        let mut moved = lock(&self.0.moved);
        if let Some(frozen_at) = moved.frozen_at.take() {
            moved.offset += frozen_at - unmoved;
        }
    }

    /// Changes whenever the time was moved.
    pub(crate) fn moves(&self) -> watch::Receiver<()> {
        self.0.moves.subscribe()
    }

    fn unmoved(&self) -> i64 {
        self.0.origin + i64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(0)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

/// Seconds since 1970 as RFC 3339, UTC.
pub(crate) fn rfc3339(seconds: i64) -> String {
    date_time(seconds).format(&Rfc3339).unwrap_or_default()
}

/// Seconds since 1970 as a date and a time of day; 1970 for what no calendar has.
pub(crate) fn date_time(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[expect(clippy::disallowed_methods, reason = "this file is where the machine's time enters")]
fn machine() -> (i64, Instant) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (i64::try_from(since.as_millis()).unwrap_or_default(), Instant::now())
}
