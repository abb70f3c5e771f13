//! A clock that a file moves, so that tests of several processes can move time in all of them. Only in builds with
//! the feature `test-clock`.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{Clock, SystemClock};
use crate::model::instant::Instant;

/// The real clock plus a number of microseconds read from a file: decimal text, blanks around it ignored.
///
/// The file is read again when the last reading is 5 ms old. A missing or unreadable file leaves the last number in
/// force (at first, zero), so that a writer may replace it at any time.
#[derive(Debug)]
pub struct FileClock {
    inner: Arc<SystemClock>,
    path: PathBuf,
    /// Microseconds, as last read.
    offset: AtomicI64,
    /// When to read again, in microseconds of the inner clock without its offset.
    next_read: AtomicI64,
}

impl FileClock {
    /// Adds the number in `path` to the inner clock, which its owner may go on adjusting.
    #[must_use]
    pub const fn new(inner: Arc<SystemClock>, path: PathBuf) -> Self {
        Self { inner, path, offset: AtomicI64::new(0), next_read: AtomicI64::new(i64::MIN) }
    }

    fn file_offset(&self) -> i64 {
        let now = self.inner.unadjusted().micros();
        if now >= self.next_read.load(Ordering::Relaxed) {
            if let Some(micros) = self.read() {
                self.offset.store(micros, Ordering::Relaxed);
            }
            self.next_read.store(now.saturating_add(READ_EVERY_MICROS), Ordering::Relaxed);
        }
        self.offset.load(Ordering::Relaxed)
    }

    fn read(&self) -> Option<i64> {
        fs::read_to_string(&self.path).ok()?.trim().parse().ok()
    }
}

impl Clock for FileClock {
    fn now(&self) -> Instant {
        self.inner.now().plus_micros(self.file_offset())
    }
}

const READ_EVERY_MICROS: i64 = 5_000;

#[cfg(test)]
mod tests {
    use std::{thread::sleep, time::Duration};

    use super::*;

    #[test]
    fn the_file_moves_the_clock_and_may_be_missing_or_half_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offset");
        let inner = Arc::new(SystemClock::start());
        let clock = FileClock::new(Arc::clone(&inner), path.clone());
        let ahead = |clock: &FileClock| {
            // The file is read again every few milliseconds of real time.
            sleep(Duration::from_millis(6));
            (clock.now().micros_since(inner.now()) + 500_000).div_euclid(1_000_000)
        };
        assert_eq!(ahead(&clock), 0);
        fs::write(&path, "3600000000\n").unwrap();
        assert_eq!(ahead(&clock), 3_600);
        fs::write(&path, "-").unwrap();
        assert_eq!(ahead(&clock), 3_600);
        fs::write(&path, "7200000000").unwrap();
        assert_eq!(ahead(&clock), 7_200);
    }
}
