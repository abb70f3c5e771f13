//! Ids of requests: kept from the caller where harmless, else made.

use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;

use crate::entropy::Entropy;

/// Names one request in answers, logs and audit records: `[A-Za-z0-9._-]{1,64}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

/// The text is no request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a request id: expected 1 to 64 letters, digits, `.`, `_` or `-`")]
pub struct ParseRequestIdError;

/// The header, and the gRPC metadata key, that carries it.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

impl RequestId {
    /// The caller's id if it is one, else a new one.
    #[must_use]
    pub fn keep_or_make(incoming: Option<&str>, entropy: &dyn Entropy) -> Self {
        incoming.and_then(|text| text.parse().ok()).unwrap_or_else(|| Self::random(entropy))
    }

    /// A new id of 16 random bytes in hexadecimal.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(HEXLOWER.encode(&entropy.bytes::<RANDOM_BYTES>()))
    }

    /// The id as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = ParseRequestIdError;

    fn from_str(text: &str) -> Result<Self, ParseRequestIdError> {
        if is_request_id(text) { Ok(Self(text.to_owned())) } else { Err(ParseRequestIdError) }
    }
}

/// Whether a caller's own id can be kept.
#[must_use]
pub fn is_request_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(is_plain)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const RANDOM_BYTES: usize = 16;
const MAX_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0x77);
        }
    }

    #[test]
    fn a_harmless_id_is_kept() {
        for id in ["a", "Az09._-", "0".repeat(64).as_str()] {
            assert_eq!(RequestId::keep_or_make(Some(id), &Sevens).as_str(), id);
        }
    }

    #[test]
    fn anything_else_is_replaced() {
        let made = "77".repeat(16);
        for id in [None, Some(""), Some("a b"), Some("a\r\nx: y"), Some("ü"), Some(&*"0".repeat(65))] {
            assert_eq!(RequestId::keep_or_make(id, &Sevens).as_str(), made, "{id:?}");
        }
        made.parse::<RequestId>().unwrap();
    }
}
