//! `[limits]`: bounds on what callers may ask for.

use serde::Deserialize;

use super::problem::{self, Problem};

/// Bounds on what callers may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// The most live leases that one principal may hold.
    pub max_leases_per_principal: u32,
    /// Requests a second that one principal may send to this process over time.
    pub requests_per_second: u32,
    /// Requests that one principal may send at once after a pause.
    pub burst: u32,
    /// Writes that may wait to be committed; beyond that, callers are told to come back.
    pub queue: u32,
    /// The largest request body, in bytes.
    pub body_bytes: u32,
    /// How long a lease may live with all its renewals, in seconds.
    pub max_lifetime_seconds: u32,
    /// How often a lease may be renewed.
    pub max_renewals: u32,
    /// The lifetime of a lease whose request names none, in seconds.
    pub default_ttl_seconds: u32,
}

impl LimitsConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let ranges = [
            ("limits.max_leases_per_principal", self.max_leases_per_principal, 1..=1_000_000),
            ("limits.requests_per_second", self.requests_per_second, 1..=1_000_000),
            ("limits.burst", self.burst, 1..=1_000_000),
            ("limits.queue", self.queue, 1..=1_000_000),
            ("limits.body_bytes", self.body_bytes, 64 * KIB..=64 * KIB * KIB),
            ("limits.max_lifetime_seconds", self.max_lifetime_seconds, 60..=10 * YEAR),
            ("limits.max_renewals", self.max_renewals, 0..=1_000_000),
            ("limits.default_ttl_seconds", self.default_ttl_seconds, 60..=DAY),
        ];
        for (key, value, range) in ranges {
            problem::check_range(key, value.into(), range, problems);
        }
        if self.default_ttl_seconds > self.max_lifetime_seconds {
            let message = "is longer than `limits.max_lifetime_seconds`; lower it";
            problems.push(Problem::setting("limits.default_ttl_seconds", message));
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_leases_per_principal: 1_000,
            requests_per_second: 100,
            burst: 200,
            queue: 8_192,
            body_bytes: 1_024 * 1_024,
            max_lifetime_seconds: 30 * 86_400,
            max_renewals: 24,
            default_ttl_seconds: 3_600,
        }
    }
}

const KIB: u64 = 1_024;
const DAY: u64 = 86_400;
const YEAR: u64 = 365 * DAY;
