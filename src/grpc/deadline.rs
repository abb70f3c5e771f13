//! The `grpc-timeout` of a call: 1 to 8 digits and a unit, as the gRPC specification writes it.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::broker::{Code, Error};

/// How long a call may take; none when the client sets no limit.
pub(super) type Deadline = Option<Duration>;

/// Reads the entry.
///
/// # Errors
/// [`Code::MalformedRequest`]: a limit that cannot be read must not silently mean none.
pub(super) fn read(headers: &HeaderMap) -> Result<Deadline, Error> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else { return Ok(None) };
    let malformed =
        || Error::new(Code::MalformedRequest, "`grpc-timeout` must be 1 to 8 digits and one of H M S m u n");
    parse(value).map(Some).ok_or_else(malformed)
}

fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(number * 3_600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

const GRPC_TIMEOUT: &str = "grpc-timeout";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_nothing_else() {
        let read = |text: &str| parse(&HeaderValue::from_str(text).expect("a value"));
        for (text, expected) in [
            ("1H", Duration::from_hours(1)),
            ("2M", Duration::from_mins(2)),
            ("3S", Duration::from_secs(3)),
            ("4m", Duration::from_millis(4)),
            ("5u", Duration::from_micros(5)),
            ("99999999n", Duration::from_nanos(99_999_999)),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in ["", "S", "1", "1s", "+1S", "-1S", "1.5S", "123456789S", "1 S"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
