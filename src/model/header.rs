//! HTTP header fields that a credential may set on the requests that carry it (RFC 9110, section 5).

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// It is no token of RFC 9110, section 5.6.2, or longer than 128 bytes.
    #[error("not a header name: 1 to {MAX_NAME_BYTES} letters, digits and !#$%&'*+-.^_`|~")]
    Malformed,
    /// It belongs to the connection, the framing or the routing of the request.
    #[error("a header that the connection or the request itself sets cannot be a credential")]
    Reserved,
}

/// The value holds something that a header cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be visible ASCII characters, spaces only between them, no line breaks")]
pub struct HeaderValueError;

/// Checks a name.
///
/// # Errors
/// Why it cannot be set.
pub fn check_name(name: &str) -> Result<(), HeaderNameError> {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len());
    if !fits || !name.bytes().all(is_token_byte) {
        return Err(HeaderNameError::Malformed);
    }
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(HeaderNameError::Reserved);
    }
    Ok(())
}

/// Checks a value. Narrower than the RFC, which has obsolete bytes above 127.
///
/// # Errors
/// It is empty, or has something that a header cannot carry.
pub fn check_value(value: &str) -> Result<(), HeaderValueError> {
    let inner = |byte: u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
    let ends = [value.bytes().next(), value.bytes().next_back()];
    let ends_visible = ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_graphic()));
    if ends_visible && value.bytes().all(inner) { Ok(()) } else { Err(HeaderValueError) }
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

const MAX_NAME_BYTES: usize = 128;

/// Hop-by-hop fields (RFC 9110, section 7.6.1), framing, routing, and what intermediaries add.
const RESERVED: &[&str] = &[
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Expect",
    "Forwarded",
    "Host",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_follow_the_rfc() {
        for name in ["X-API-Key", "authorization", "x", "X_Custom.1~", "!#$%&'*+-.^_`|~"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let long = "a".repeat(129);
        for name in ["", "X API", "X:Y", "X\r\nHost", "X\0", "Ключ", "(x)", ":method", long.as_str()] {
            assert_eq!(check_name(name), Err(HeaderNameError::Malformed), "{name:?}");
        }
        for name in ["host", "HOST", "Connection", "transfer-encoding", "Content-Length", "te"] {
            assert_eq!(check_name(name), Err(HeaderNameError::Reserved), "{name}");
        }
    }

    #[test]
    fn values_stay_on_their_line() {
        for value in ["a", "a:b:c", "Bearer x y", "a\tb"] {
            assert_eq!(check_value(value), Ok(()), "{value}");
        }
        for value in ["", " ", " a", "a ", "a\r\nX: y", "a\nb", "a\0b", "ключ", "\u{7f}"] {
            assert_eq!(check_value(value), Err(HeaderValueError), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_an_http_library_accepts(name in ".{0,20}", value in ".{0,20}") {
            if check_name(&name).is_ok() {
                prop_assert!(http::HeaderName::try_from(&name).is_ok());
            }
            if check_value(&value).is_ok() {
                prop_assert!(http::HeaderValue::try_from(&value).is_ok());
            }
        }
    }
}
