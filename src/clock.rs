//! Time, injected. Nothing else reads the system's clock.
//!
//! Owns the port and its sources: the real clock, one that tests move by hand, and (feature `test-clock`) one that
//! several processes under test move together. It must not know who measures the offset.

#[cfg(feature = "test-clock")]
mod file;

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{self, SystemTime},
};

use crate::model::instant::Instant;

#[cfg(feature = "test-clock")]
pub use file::FileClock;

/// Tells the time. Cheap; called at every request.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Instant;
}

/// The real clock: the wall clock as it stood at the start, carried on by the monotonic one, plus an offset that
/// whoever compares it with the database sets.
///
/// It never goes backwards: after the offset shrank, it stands still until real time has caught up.
#[derive(Debug)]
pub struct SystemClock {
    started_at: Instant,
    started: time::Instant,
    /// Microseconds.
    offset: AtomicI64,
    /// The latest instant told, in microseconds.
    latest: AtomicI64,
}

impl SystemClock {
    /// Starts from the wall clock, with no offset.
    #[must_use]
    pub fn start() -> Self {
        let started_at = wall_clock();
        Self {
            started_at,
            started: monotonic_clock(),
            offset: AtomicI64::new(0),
            latest: AtomicI64::new(started_at.micros()),
        }
    }

    /// The time without the offset: what the database's time is measured against. Never goes backwards either.
    #[must_use]
    pub fn unadjusted(&self) -> Instant {
        let elapsed = monotonic_clock().saturating_duration_since(self.started).as_micros();
        self.started_at.plus_micros(i64::try_from(elapsed).unwrap_or(i64::MAX))
    }

    /// Sets what is added to [`SystemClock::unadjusted`], in microseconds; negative when this machine is ahead.
    pub fn set_offset(&self, micros: i64) {
        self.offset.store(micros, Ordering::Relaxed);
    }

    /// The offset in force, in microseconds.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let now = self.unadjusted().plus_micros(self.offset()).micros();
        let before = self.latest.fetch_max(now, Ordering::Relaxed);
        Instant::from_micros(now.max(before))
    }
}

/// A clock for tests: it stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at an instant.
    #[must_use]
    pub const fn new(at: Instant) -> Self {
        Self(AtomicI64::new(at.micros()))
    }

    /// Moves by a number of seconds; backwards when negative.
    pub fn advance_seconds(&self, seconds: i64) {
        self.set(self.now().plus_seconds(seconds));
    }

    /// Moves to an instant.
    pub fn set(&self, at: Instant) {
        self.0.store(at.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is where the system's time enters")]
fn wall_clock() -> Instant {
    // A machine set to before 1970 starts at the epoch; the comparison with the database then reports it.
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "this file is where the system's time enters")]
fn monotonic_clock() -> time::Instant {
    time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_moves_the_clock_forwards() {
        let clock = SystemClock::start();
        let before = clock.now();
        clock.set_offset(3_600_000_000);
        assert_eq!(clock.offset(), 3_600_000_000);
        assert!(clock.now().micros_since(before) >= 3_600_000_000);
        assert!(clock.unadjusted().micros_since(before) < 3_600_000_000);
    }

    #[test]
    fn a_shrinking_offset_never_turns_time_back() {
        let clock = SystemClock::start();
        clock.set_offset(60_000_000);
        let ahead = clock.now();
        clock.set_offset(-60_000_000);
        assert_eq!(clock.now(), ahead);
        clock.set_offset(120_000_000);
        assert!(clock.now() > ahead);
    }

    #[test]
    fn many_readers_never_see_time_turn_back() {
        let clock = SystemClock::start();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut last = clock.now();
                    for step in 0..2_000_i64 {
                        clock.set_offset((step % 7) * 1_000);
                        let now = clock.now();
                        assert!(now >= last);
                        last = now;
                    }
                });
            }
        });
    }

    #[test]
    fn the_manual_clock_stands_where_it_was_put() {
        let clock = ManualClock::new(Instant::from_micros(5));
        clock.advance_seconds(2);
        assert_eq!(clock.now(), Instant::from_micros(2_000_005));
        clock.set(Instant::from_micros(1));
        assert_eq!(clock.now(), Instant::from_micros(1));
    }
}
