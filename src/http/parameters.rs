//! Parameters: names and texts, as a query or a form carries them (`application/x-www-form-urlencoded`), and their
//! extraction from a query.

use axum::{extract::FromRequestParts, http::request};

use crate::broker::{Code, Violation};

use super::problem::Problem;

/// Names and texts, in the order sent. No `Debug`: a form may hold a secret.
#[derive(Default)]
pub(super) struct Parameters(pub(super) Vec<(String, String)>);

/// The text is not UTF-8 once decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotUtf8;

/// What can be read from a query.
pub(super) trait FromQuery: Sized {
    /// Every name that it knows; any other is refused.
    const NAMES: &'static [&'static str];

    /// Reads it; `parameters` has each known name once at most, and no other.
    fn from_query(parameters: &mut Parameters) -> Result<Self, Violation>;
}

/// A query, read strictly.
pub(super) struct Query<T>(pub(super) T);

/// The query of an operation that has nothing to ask there: whatever stands in it is refused.
pub(super) type NoQuery = Query<()>;

impl Parameters {
    /// Reads `name=text&name=text`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, NotUtf8> {
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            Ok((decode(name)?, decode(value)?))
        });
        decoded.collect::<Result<_, _>>().map(Self)
    }

    /// The first of `names` that occurs more than once.
    pub(super) fn repeated(&self, names: &[&'static str]) -> Option<&'static str> {
        let times = |name: &str| self.0.iter().filter(|(other, _)| other == name).count();
        names.iter().copied().find(|name| times(name) > 1)
    }

    /// Takes a text out; a parameter without a value counts as omitted (RFC 6749, section 3.1).
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let position = self.0.iter().position(|(other, _)| other == name)?;
        let (_, text) = self.0.swap_remove(position);
        (!text.is_empty()).then_some(text)
    }

    /// Takes a whole number out.
    pub(super) fn take_integer(&mut self, name: &'static str) -> Result<Option<i64>, Violation> {
        let text = self.take(name);
        text.map(|text| text.parse().map_err(|_| Violation::new(name, "must be an integer"))).transpose()
    }
}

impl FromQuery for () {
    const NAMES: &'static [&'static str] = &[];

    fn from_query(_: &mut Parameters) -> Result<Self, Violation> {
        Ok(())
    }
}

impl<T: FromQuery, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Problem> {
        read_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn read_query<T: FromQuery>(query: &str) -> Result<T, Problem> {
    let parsed = Parameters::parse(query.as_bytes());
    let mut parameters =
        parsed.map_err(|_| Problem::new(Code::MalformedRequest, "the query is not UTF-8"))?;
    let unknown = parameters.0.iter().filter(|(name, _)| !T::NAMES.contains(&name.as_str()));
    let mut violations: Vec<_> = unknown
        .map(|(name, _)| Violation::new(crate::api::read::shown(name), "is not a known query parameter"))
        .collect();
    let repeated = parameters.repeated(T::NAMES);
    violations.extend(repeated.map(|name| Violation::new(name, "is given more than once")));
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    T::from_query(&mut parameters).map_err(|violation| Problem::invalid(vec![violation]))
}

/// What is wrong with a field that stands in both.
pub(super) const SAID_TWICE: &str = "stands in the query and in the body; say it once";

/// Undoes `application/x-www-form-urlencoded`: `+` is a space, `%41` is `A`; a `%` without two hexadecimal digits
/// stands for itself, as the WHATWG's URL standard has it.
pub(super) fn decode(text: &[u8]) -> Result<String, NotUtf8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(digit(*high) << 4 | digit(*low));
                tail
            }
            [b'+', tail @ ..] => {
                decoded.push(b' ');
                tail
            }
            [byte, tail @ ..] => {
                decoded.push(*byte);
                tail
            }
        };
    }
    String::from_utf8(decoded).map_err(|_| NotUtf8)
}

/// The value of a hexadecimal digit.
const fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        _ => (character | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug)]
    struct Page {
        size: Option<i64>,
        token: Option<String>,
    }

    impl FromQuery for Page {
        const NAMES: &'static [&'static str] = &["size", "token"];

        fn from_query(parameters: &mut Parameters) -> Result<Self, Violation> {
            Ok(Self { size: parameters.take_integer("size")?, token: parameters.take("token") })
        }
    }

    fn refused(query: &str) -> String {
        let error = read_query::<Page>(query).unwrap_err().0;
        error.violations.first().map_or_else(|| error.code.as_str().to_owned(), |v| v.field.clone())
    }

    #[test]
    fn a_query_is_read_strictly() {
        let page: Page = read_query("size=7&token=a%20b%2Bc+d").unwrap();
        assert_eq!((page.size, page.token.as_deref()), (Some(7), Some("a b+c d")));
        let empty: Page = read_query("size=&token").unwrap();
        assert_eq!((empty.size, empty.token), (None, None));
        assert_eq!(refused("sise=7"), "sise");
        assert_eq!(refused("size=7&size=8"), "size");
        assert_eq!(refused("size=many"), "size");
        assert_eq!(refused("token=%ff"), "malformed_request");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Parameters::parse(&bytes);
        }

        #[test]
        fn what_is_encoded_comes_back(text: String) {
            let mut encoded = String::new();
            text.bytes().for_each(|byte| write!(encoded, "%{byte:02X}").unwrap());
            prop_assert_eq!(decode(encoded.as_bytes()), Ok(text));
        }
    }
}
