//! Times on the command line: written out, or how long ago.

use crate::{
    clock::{Clock as _, SystemClock},
    model::instant::Instant,
};

/// Reads RFC 3339, or how long ago, as in `90m`, `24h`, `7d`.
pub(super) fn parse(text: &str) -> Result<Instant, String> {
    match seconds(text) {
        Some(ago) => Ok(SystemClock::start().now().plus_seconds(-ago)),
        None => text
            .parse()
            .map_err(|_| "expected RFC 3339, as in 2026-01-31T09:30:00Z, or 90m, 24h, 7d ago".to_owned()),
    }
}

fn seconds(text: &str) -> Option<i64> {
    let (at, unit) = text.char_indices().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: i64 = text.get(..at)?.parse().ok().filter(|number| *number >= 0)?;
    number.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_out_or_ago() {
        let now = SystemClock::start().now();
        let hour = parse("60m").unwrap();
        let ago = now.micros_since(hour);
        assert!((3_590_000_000..=3_600_000_001).contains(&ago), "{ago}");
        assert_eq!(parse("2026-01-31T09:30:00Z").unwrap().to_string(), "2026-01-31T09:30:00.000000Z");
        for wrong in ["", "d", "-1d", "1w", "yesterday", "99999999999999999d", "ü"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
