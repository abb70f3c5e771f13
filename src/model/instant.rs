//! Points in time, in microseconds, as the database keeps them and RFC 3339 writes them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
///
/// Its text is RFC 3339 in UTC with six decimals and `Z`, e.g. `2026-01-31T09:30:00.000000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(i64);

impl Instant {
    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, as JWT's `NumericDate` counts them.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// This instant moved by a number of seconds, held at the ends of time rather than wrapped.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// This instant moved by a number of microseconds, held at the ends of time rather than wrapped.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this instant; negative when it lies before.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp(self.unix_seconds()).map_err(|_| fmt::Error)?;
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// The text is not an RFC 3339 time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time: expected RFC 3339, for example 2026-01-31T09:30:00Z")]
pub struct ParseInstantError;

impl FromStr for Instant {
    type Err = ParseInstantError;

    fn from_str(text: &str) -> Result<Self, ParseInstantError> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| ParseInstantError)?;
        let micros = at.to_offset(UtcOffset::UTC).unix_timestamp_nanos() / 1_000;
        i64::try_from(micros).map(Self).map_err(|_| ParseInstantError)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::invalid_value(de::Unexpected::Other("another text"), &EXPECTED))
    }
}

const EXPECTED: &str = "a time such as 2026-01-31T09:30:00Z (RFC 3339)";

const MICROS_PER_SECOND: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_instant_survives_its_text(micros in 0_i64..253_402_300_799_000_000) {
            let at = Instant::from_micros(micros);
            prop_assert_eq!(at.to_string().parse::<Instant>(), Ok(at));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Instant>();
        }
    }

    #[test]
    fn offsets_and_short_fractions_are_read() {
        let expected = Instant::from_micros(1_762_645_196_000_000);
        for text in ["2025-11-08T23:39:56.000000Z", "2025-11-08T23:39:56Z", "2025-11-09T00:39:56+01:00"] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert_eq!(expected.to_string(), "2025-11-08T23:39:56.000000Z");
        assert!("2025-11-08T24:39:56.000000Z".parse::<Instant>().is_err());
    }
}
