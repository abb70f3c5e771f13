//! Messages from and to what the broker takes and gives.
//!
//! Pure. Everything is destructured, so that a new field on either side breaks the build here.

use prost_types::{Duration, Timestamp};

use crate::{
    broker::{Error, Violation},
    model::instant::Instant,
};

pub(super) mod identity;
pub(super) mod lease;
pub(super) mod token;
mod value;

/// An instant; the nanoseconds are always whole microseconds.
fn timestamp(at: Instant) -> Timestamp {
    let micros = at.micros().rem_euclid(1_000_000);
    Timestamp { seconds: at.unix_seconds(), nanos: i32::try_from(micros * 1_000).unwrap_or_default() }
}

/// Whole seconds.
const fn duration(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

/// The seconds of a duration, whatever their number: the rules judge that.
fn whole_seconds(field: &str, duration: Option<Duration>) -> Result<Option<i64>, Error> {
    match duration {
        None => Ok(None),
        Some(Duration { seconds, nanos: 0 }) => Ok(Some(seconds)),
        Some(_) => Err(Error::invalid(vec![Violation::new(field, "must be whole seconds")])),
    }
}

/// An empty text means none, as google.api has it.
fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_instant_survives_its_timestamp(micros in -62_135_596_800_000_000_i64..253_402_300_799_000_000) {
            let Timestamp { seconds, nanos } = timestamp(Instant::from_micros(micros));
            prop_assert!((0..1_000_000_000).contains(&nanos));
            prop_assert_eq!(seconds * 1_000_000 + i64::from(nanos) / 1_000, micros);
        }

        #[test]
        fn only_whole_seconds_pass(seconds: i64, nanos: i32) {
            let read = whole_seconds("ttl", Some(Duration { seconds, nanos }));
            match read {
                Ok(read) => prop_assert_eq!((read, nanos), (Some(seconds), 0)),
                Err(error) => prop_assert!(nanos != 0 && error.violations.iter().all(|v| v.field == "ttl")),
            }
            prop_assert!(matches!(whole_seconds("ttl", Some(duration(seconds))), Ok(Some(s)) if s == seconds));
        }
    }
}
