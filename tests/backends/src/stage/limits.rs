//! Rate limits, counted on a stand-in's clock (milliseconds).

use std::collections::VecDeque;

/// At most so many within any stretch of that length.
#[derive(Debug, Default)]
pub(crate) struct Window {
    taken: VecDeque<i64>,
}

impl Window {
    /// Takes one, if the stretch that ends now has room for it.
    pub(crate) fn take(&mut self, limit: usize, span_ms: i64, now: i64) -> bool {
        while self.taken.front().is_some_and(|at| *at <= now - span_ms) {
            self.taken.pop_front();
        }
        let room = self.taken.len() < limit;
        if room {
            self.taken.push_back(now);
        }
        room
    }
}

/// A bucket that refills steadily.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Thousandths of a token.
    filled: i64,
    at: i64,
}

impl Bucket {
    /// A full one.
    pub(crate) const fn full(capacity: i64, now: i64) -> Self {
        Self { filled: capacity * 1_000, at: now }
    }

    /// Takes one token and tells how many whole ones remain; `None` when there is none.
    pub(crate) fn take(&mut self, capacity: i64, per_second: i64, now: i64) -> Option<i64> {
        // A token's thousandth per millisecond is a token per second.
        let refilled = self.filled.saturating_add((now - self.at).max(0).saturating_mul(per_second));
        self.filled = refilled.min(capacity * 1_000);
        self.at = now;
        if self.filled < 1_000 {
            return None;
        }
        self.filled -= 1_000;
        Some(self.filled / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides() {
        let mut window = Window::default();
        assert!(window.take(2, 100, 0) && window.take(2, 100, 50));
        assert!(!window.take(2, 100, 99));
        assert!(window.take(2, 100, 100));
        assert!(!window.take(2, 100, 149));
        assert!(window.take(2, 100, 150));
    }

    #[test]
    fn a_bucket_refills_up_to_its_capacity() {
        let mut bucket = Bucket::full(2, 0);
        assert_eq!(
            [bucket.take(2, 3, 0), bucket.take(2, 3, 0), bucket.take(2, 3, 0)],
            [Some(1), Some(0), None]
        );
        assert_eq!(bucket.take(2, 3, 333), None);
        assert_eq!(bucket.take(2, 3, 334), Some(0));
        assert_eq!(bucket.take(2, 3, 1_000_000), Some(1));
    }
}
