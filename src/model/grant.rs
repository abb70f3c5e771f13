//! Grants: what the broker alone holds of a credential whose tokens it makes, and how far a refresh got.
//!
//! The rules are pure: when a token is too old to lend, when the next refresh is due, how long to wait after a failure.
//! They follow RFC 6749, section 6, and what servers do that rotate refresh tokens (RFC 9700, section 4.14): a refresh
//! token may work once, so that an attempt is written down before it is made.

use super::{
    id::CredentialId, instant::Instant, owner::Owner, sealed::Sealed, service::ServiceName, ttl::Ttl,
};

/// What makes a credential's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose tokens.
    pub credential_id: CredentialId,
    /// The credential's owner.
    pub owner: Owner,
    /// The credential's service.
    pub service: ServiceName,
    /// Rises with each change of what is sealed.
    pub version: i64,
    /// What nobody is lent: a refresh token, a client's secret. A JSON object under the owner's data key.
    pub sealed: Sealed,
    /// When that came.
    pub refreshed_at: Instant,
    /// When the refresh token runs out, where that is known.
    pub refresh_expires_at: Option<Instant>,
    /// When a chore looks at it next; never, when none.
    pub due_at: Option<Instant>,
    /// Refreshes in a row that failed.
    pub failures: i64,
    /// Why the last one did.
    pub failure: Option<String>,
    /// Who is refreshing it.
    pub claim: Option<Claim>,
    /// An attempt whose outcome is not known.
    pub attempt: Option<Attempt>,
    /// When a borrower's report last made a refresh.
    pub reported_at: Option<Instant>,
}

/// One refresher's hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Random: whose it is.
    pub token: String,
    /// Then it is anybody's again: its holder died.
    pub until: Instant,
}

/// A refresh that was begun and not settled: the service may have acted on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Of the refresh token that was sent.
    pub digest: String,
    /// When it was first sent.
    pub started_at: Instant,
    /// How often it was sent.
    pub times: i64,
}

impl Grant {
    /// When it must be refreshed for its refresh token not to lapse, spread by `jitter`; never where none runs out.
    #[must_use]
    pub fn keep_alive_at(&self, jitter: u16) -> Option<Instant> {
        self.refresh_expires_at.map(|until| keep_alive_at(self.refreshed_at, until, jitter))
    }

    /// Whether it must be refreshed now for that, whatever the jitter was.
    #[must_use]
    pub fn would_lapse(&self, now: Instant) -> bool {
        self.keep_alive_at(u16::MAX).is_some_and(|at| at <= now)
    }

    /// Whether somebody is refreshing it.
    #[must_use]
    pub fn is_claimed(&self, now: Instant) -> bool {
        self.claim.as_ref().is_some_and(|claim| now < claim.until)
    }

    /// How often this refresh token was sent with an outcome that nobody knows.
    #[must_use]
    pub fn times_sent(&self, digest: &str) -> i64 {
        self.attempt.as_ref().filter(|attempt| attempt.digest == digest).map_or(0, |attempt| attempt.times)
    }
}

/// A token's life, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it was made.
    pub from: Instant,
    /// When it runs out.
    pub until: Instant,
}

impl Life {
    /// Whether it is too old to be lent for a ttl: what is lent has the ttl left, or a fifth of its life, whichever is less.
    #[must_use]
    pub fn is_stale(self, ttl: Ttl, now: Instant) -> bool {
        let left = self.until.micros_since(now);
        left < (i64::from(ttl.seconds()) * 1_000_000).min(self.fifth())
    }

    /// Whether it can still be used.
    #[must_use]
    pub fn is_over(self, now: Instant) -> bool {
        self.until <= now
    }

    /// When to refresh it: ten minutes or a fifth of its life before its end, whichever is less, and up to as much again
    /// earlier, spread by `jitter`.
    #[must_use]
    pub fn refresh_at(self, jitter: u16) -> Instant {
        let lead = self.fifth().min(LEAD_MICROS);
        let spread = lead / 2 * i64::from(jitter) / i64::from(u16::MAX);
        self.until.plus_micros(-(lead + lead / 2) + spread)
    }

    fn fifth(self) -> i64 {
        self.until.micros_since(self.from).max(0) / 5
    }
}

/// When a grant must be refreshed for its refresh token not to lapse, whoever uses it: when a third of its life is left, and
/// up to a tenth before that, spread by `jitter`.
#[must_use]
pub fn keep_alive_at(from: Instant, refresh_expires_at: Instant, jitter: u16) -> Instant {
    let life = refresh_expires_at.micros_since(from).max(0);
    let spread = life / 10 * i64::from(jitter) / i64::from(u16::MAX);
    from.plus_micros(life / 3 * 2 - spread)
}

/// How long to wait after so many failures in a row: at once after the first whose outcome is not known, then doubling from
/// fifteen seconds to half an hour, each spread by `jitter` over the half of itself.
#[must_use]
pub fn back_off_micros(failures: i64, jitter: u16) -> i64 {
    let doublings = u32::try_from(failures.clamp(1, 8) - 1).unwrap_or_default();
    let longest = (FIRST_WAIT_MICROS << doublings).min(LONGEST_WAIT_MICROS);
    longest / 2 + longest / 2 * i64::from(jitter) / i64::from(u16::MAX)
}

/// How soon an attempt whose outcome is not known is made again.
pub const RETRY_MICROS: i64 = 1_000_000;
const LEAD_MICROS: i64 = 600_000_000;
const FIRST_WAIT_MICROS: i64 = 15_000_000;
const LONGEST_WAIT_MICROS: i64 = 1_800_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

    fn hours(from: i64, until: i64) -> Life {
        Life { from: NOW.plus_seconds(from * 3_600), until: NOW.plus_seconds(until * 3_600) }
    }

    proptest! {
        #[test]
        fn what_is_lent_has_some_life_left(life in 60_i64..1_000_000, passed in 0_i64..1_000_000, ttl in 60_i64..=86_400) {
            let token = Life { from: NOW.plus_seconds(-passed), until: NOW.plus_seconds(life - passed) };
            let ttl = Ttl::from_seconds(ttl).expect("within bounds");
            if !token.is_stale(ttl, NOW) {
                let left = life - passed;
                prop_assert!(left >= i64::from(ttl.seconds()).min(life / 5));
            }
        }

        #[test]
        fn a_refresh_comes_before_the_end_and_not_at_once(life in 60_i64..1_000_000, jitter: u16) {
            let token = Life { from: NOW, until: NOW.plus_seconds(life) };
            let at = token.refresh_at(jitter);
            prop_assert!(at < token.until && at > NOW.plus_seconds(life * 69 / 100));
            prop_assert!(at.micros_since(token.until) <= -(life * 1_000_000 / 5).min(LEAD_MICROS));
        }

        #[test]
        fn a_refresh_token_is_kept_alive_in_time(left in 3_i64..10_000_000, jitter: u16) {
            let until = NOW.plus_seconds(left);
            let at = keep_alive_at(NOW, until, jitter);
            prop_assert!(at >= NOW && at.micros_since(NOW) <= left * 1_000_000 / 3 * 2);
        }

        #[test]
        fn waits_grow_to_half_an_hour(failures in 1_i64..100, jitter: u16) {
            let wait = back_off_micros(failures, jitter);
            prop_assert!((FIRST_WAIT_MICROS / 2..=LONGEST_WAIT_MICROS).contains(&wait));
        }
    }

    #[test]
    fn a_store_is_refreshed_between_two_hours_and_a_half_and_ten_minutes_before_the_end() {
        let token = hours(0, 3);
        assert_eq!(token.refresh_at(0), NOW.plus_seconds(9_900));
        assert_eq!(token.refresh_at(u16::MAX), NOW.plus_seconds(10_200));
    }

    #[test]
    fn a_month_is_kept_alive_within_twenty_days() {
        let until = NOW.plus_seconds(30 * 86_400);
        assert_eq!(keep_alive_at(NOW, until, 0), NOW.plus_seconds(20 * 86_400));
        assert_eq!(keep_alive_at(NOW, until, u16::MAX), NOW.plus_seconds(17 * 86_400));
    }
}
