//! Lifetimes of leases and when to renew them.

use super::instant::Instant;

/// How long a lease holds from its start or renewal: 60 to 86,400 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

/// The number of seconds lies outside the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ttl must be between {} and {} seconds", Ttl::MIN.seconds(), Ttl::MAX.seconds())]
pub struct TtlError;

impl Ttl {
    /// What a lease gets when the request names none: one hour.
    pub const DEFAULT: Self = Self(3_600);
    /// The longest: one day.
    pub const MAX: Self = Self(86_400);
    /// The shortest: one minute.
    pub const MIN: Self = Self(60);

    /// Checks a number of seconds.
    ///
    /// # Errors
    /// [`TtlError`] outside 60 to 86,400.
    pub fn from_seconds(seconds: i64) -> Result<Self, TtlError> {
        let seconds = u32::try_from(seconds).map_err(|_| TtlError)?;
        let ttl = Self(seconds);
        if (Self::MIN..=Self::MAX).contains(&ttl) { Ok(ttl) } else { Err(TtlError) }
    }

    /// Seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The instant this long after `start`.
    #[must_use]
    pub const fn after(self, start: Instant) -> Instant {
        start.plus_seconds(self.0 as i64)
    }
}

/// When a borrower should renew: between 60 % and 75 % of the remaining life, spread by `jitter` so that borrowers
/// that started together don't renew together, and never later than a minute before a lent value itself runs out.
#[must_use]
pub fn renew_after(
    now: Instant,
    expires_at: Instant,
    credential_expires_at: Option<Instant>,
    jitter: u16,
) -> Instant {
    let remaining = expires_at.micros_since(now).max(0);
    let spread = remaining / 100 * 15 * i64::from(jitter) / i64::from(u16::MAX);
    let chosen = now.plus_micros(remaining / 100 * 60 + spread);
    match credential_expires_at {
        None => chosen,
        Some(at) => chosen.min(at.plus_seconds(-CREDENTIAL_MARGIN_SECONDS)).max(now),
    }
}

const CREDENTIAL_MARGIN_SECONDS: i64 = 60;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_seconds_within_the_bounds_pass(seconds: i64) {
            prop_assert_eq!(Ttl::from_seconds(seconds).is_ok(), (60..=86_400).contains(&seconds));
        }

        #[test]
        fn renewal_falls_inside_the_lease(ttl in 60_i64..=86_400, jitter: u16, margin in 0_i64..100_000) {
            let now = Instant::from_micros(1_000_000_000);
            let expires_at = now.plus_seconds(ttl);
            let credential = now.plus_seconds(margin);
            let at = renew_after(now, expires_at, Some(credential), jitter);
            prop_assert!(now <= at && at < expires_at);
            prop_assert!(at == now || at <= credential.plus_seconds(-60));
            let free = renew_after(now, expires_at, None, jitter);
            prop_assert!(free >= now.plus_seconds(ttl * 59 / 100) && free <= now.plus_seconds(ttl * 76 / 100));
        }
    }

    #[test]
    fn the_edges() {
        for (seconds, fits) in [
            (0, false),
            (59, false),
            (60, true),
            (86_400, true),
            (86_401, false),
            (-1, false),
            (i64::MAX, false),
        ] {
            assert_eq!(Ttl::from_seconds(seconds).is_ok(), fits, "{seconds}");
        }
    }
}
