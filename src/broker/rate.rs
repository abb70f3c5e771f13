//! Rate limits, per principal and process: the generic cell rate algorithm (ITU-T I.371) over the injected clock.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use quick_cache::sync::Cache;

use crate::model::instant::Instant;

/// Admits `per_second` calls a second for each key, and `burst` at once.
pub(crate) struct RateLimit<K> {
    /// For each key the theoretical arrival time of its next call, in microseconds.
    arrivals: Cache<K, Arc<AtomicI64>>,
    interval: i64,
    tolerance: i64,
}

impl<K: Eq + Hash + Clone> RateLimit<K> {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = 1_000_000 / i64::from(per_second.max(1));
        Self {
            arrivals: Cache::new(KEYS),
            interval,
            tolerance: interval * i64::from(burst.saturating_sub(1)),
        }
    }

    /// Admits a call.
    ///
    /// # Errors
    /// The seconds to wait, rounded up.
    pub(crate) fn admit(&self, key: &K, now: Instant) -> Result<(), u32> {
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::new(AtomicI64::new(0)));
        let Ok(arrival) = self.arrivals.get_or_insert_with(key, fresh);
        let now = now.micros();
        let admitted = arrival.fetch_update(Ordering::AcqRel, Ordering::Acquire, |expected| {
            let expected = expected.max(now);
            (expected - now <= self.tolerance).then_some(expected + self.interval)
        });
        admitted.map(drop).map_err(|expected| {
            let wait = expected - now - self.tolerance;
            u32::try_from(wait.max(0) / 1_000_000 + 1).unwrap_or(1)
        })
    }

    /// Whether a call would be refused; counts nothing.
    pub(crate) fn is_exhausted(&self, key: &K, now: Instant) -> bool {
        let arrival = self.arrivals.get(key).map_or(0, |arrival| arrival.load(Ordering::Acquire));
        arrival - now.micros() > self.tolerance
    }
}

const KEYS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let limit = RateLimit::new(100, 200);
        let start = Instant::from_micros(1_000_000_000);
        let admitted = (0..500).filter(|_| limit.admit(&"a", start).is_ok()).count();
        assert_eq!(admitted, 200);
        assert_eq!(limit.admit(&"a", start), Err(1));
        assert!(limit.admit(&"b", start).is_ok(), "keys don't share");
        let later = start.plus_seconds(1);
        let admitted = (0..500).filter(|_| limit.admit(&"a", later).is_ok()).count();
        assert_eq!(admitted, 100);
    }
}
