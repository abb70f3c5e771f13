//! When an upstream is left alone: a pure rule over instants.

use crate::model::instant::Instant;

/// How an upstream did lately.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Breaker {
    /// Failures since the last answer.
    failures: u32,
    /// Until when nobody asks.
    rests_until: Option<Instant>,
}

impl Breaker {
    /// How long it rests yet, in microseconds; none when it may be asked. Whoever is told none after a rest is the one
    /// that finds out: the others wait for what it learns, or for a whole rest.
    pub(super) fn rest(&mut self, now: Instant) -> Option<i64> {
        let until = self.rests_until?;
        if now < until {
            return Some(until.micros() - now.micros());
        }
        self.rests_until = Some(now.plus_micros(self.length()));
        None
    }

    /// It answered, were it with a refusal.
    pub(super) const fn answered(&mut self) {
        self.failures = 0;
        self.rests_until = None;
    }

    /// It did not, or with an error of its own.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.rests_until = Some(now.plus_micros(self.length()));
        }
    }

    /// Doubles with each failure beyond the first that counted.
    fn length(&self) -> i64 {
        let doublings = self.failures.saturating_sub(FAILURES).min(5);
        (SHORTEST_MICROS << doublings).min(LONGEST_MICROS)
    }
}

const FAILURES: u32 = 5;
const SHORTEST_MICROS: i64 = 2_000_000;
const LONGEST_MICROS: i64 = 60_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

    fn after(seconds: i64) -> Instant {
        NOW.plus_seconds(seconds)
    }

    fn failing(times: u32) -> Breaker {
        let mut breaker = Breaker::default();
        (0..times).for_each(|_| breaker.failed(NOW));
        breaker
    }

    #[test]
    fn a_few_failures_are_borne() {
        assert_eq!(failing(FAILURES - 1).rest(NOW), None);
        assert_eq!(failing(FAILURES).rest(NOW), Some(SHORTEST_MICROS));
    }

    #[test]
    fn after_a_rest_one_asks() {
        let mut breaker = failing(FAILURES);
        assert_eq!(breaker.rest(after(2)), None);
        assert!(breaker.rest(after(2)).is_some());
        breaker.answered();
        assert_eq!(breaker.rest(after(2)), None);
        assert_eq!(breaker.rest(after(2)), None);
    }

    #[test]
    fn rests_grow_to_a_minute() {
        assert_eq!(failing(FAILURES + 1).rest(NOW), Some(2 * SHORTEST_MICROS));
        assert_eq!(failing(FAILURES + 90).rest(NOW), Some(LONGEST_MICROS));
    }
}
