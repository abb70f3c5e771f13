//! JSON bodies, read strictly: the right content type, a bounded size, UTF-8, no unknown field.
//!
//! A refusal names the field, or line and column. It never shows what the body holds: that may be a secret.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::{
    api::read::{BODY, describe},
    broker::{Code, Violation},
};

use super::problem::Problem;

/// A JSON body that must be there.
pub(super) struct JsonBody<T>(pub(super) T);

/// A JSON body that may be left out, with or without a content type, or be `null`.
pub(super) struct OptionalJsonBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let bytes = read_body(&parts, body).await?;
        parse_json(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(&parts, body).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        require_json(&parts.headers)?;
        parse_json(&bytes).map(|body: Option<T>| Self(body.unwrap_or_default()))
    }
}

/// The most bytes of a body, put into each request by the edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimit(pub(super) usize);

/// Reads a body within its [`BodyLimit`].
pub(super) async fn read_body(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    let most = parts.extensions.get::<BodyLimit>().map_or(DEFAULT_LIMIT, |limit| limit.0);
    let too_large = || Problem::new(Code::RequestTooLarge, format!("a body may have at most {most} bytes"));
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > most as u64) {
        return Err(too_large());
    }
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Problem::new(Code::MalformedRequest, "the body ended before it was complete")),
    }
}

/// The media type of the body, in lower case and without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// Whether the text is said to be UTF-8, or nothing is said: JSON is nothing else (RFC 8259, section 8.1).
pub(super) fn is_utf8(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parameters = value.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.all(|(_, charset)| charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
}

/// Reads JSON text. The second pass, which finds out where, is for refusals alone.
pub(super) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let position = error.valid_up_to();
        Problem::new(Code::MalformedRequest, format!("the body is not UTF-8, from byte {position} on"))
    })?;
    if nesting(bytes) > MAX_NESTING {
        let message = format!("the body nests more than {MAX_NESTING} levels deep");
        return Err(Problem::new(Code::MalformedRequest, message));
    }
    // serde would take an array for the fields in their order, which nobody meant.
    if text.trim_ascii_start().starts_with('[') {
        let array: Result<IgnoredAny, _> = serde_json::from_str(text);
        return Err(array.map_or_else(
            |error| locate::<T>(text, &error),
            |_| Problem::invalid(vec![Violation::new(BODY, "must be an object")]),
        ));
    }
    serde_json::from_str(text).map_err(|error| locate::<T>(text, &error))
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "send the body as Content-Type: application/json",
        ));
    }
    if !is_utf8(headers) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "JSON is UTF-8; send it so, and say no other charset",
        ));
    }
    Ok(())
}

fn locate<T: DeserializeOwned>(text: &str, error: &serde_json::Error) -> Problem {
    if error.classify() != Category::Data {
        let (line, column) = (error.line(), error.column());
        let message = format!("the body is not well-formed JSON: line {line}, column {column}");
        return Problem::new(Code::MalformedRequest, message);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let violation = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => Violation::new(BODY, "cannot be read"),
        Err(located) => describe(&located.path().to_string(), &located.inner().to_string()),
    };
    Problem::invalid(vec![violation])
}

/// How deep brackets nest, outside of strings.
fn nesting(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// 1 MiB.
const DEFAULT_LIMIT: usize = 1 << 20;
const MAX_NESTING: usize = 64;

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what matters is how it is read")]
    struct Order {
        #[serde(default)]
        items: Vec<String>,
        count: i64,
        nested: Option<Nested>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nested {
        #[expect(dead_code, reason = "what matters is how it is read")]
        flag: bool,
    }

    fn refused(text: &str) -> (String, String) {
        let error = parse_json::<Order>(text.as_bytes()).unwrap_err();
        assert_eq!(error.0.code, Code::InvalidRequest, "{text}: {error:?}");
        let violation = error.0.violations.into_iter().next().unwrap();
        (violation.field, violation.reason)
    }

    fn malformed(bytes: &[u8]) -> String {
        let error = parse_json::<Order>(bytes).unwrap_err();
        assert_eq!(error.0.code, Code::MalformedRequest);
        error.0.message
    }

    #[test]
    fn a_refusal_names_the_field_and_never_the_value() {
        for (text, field, reason) in [
            (r#"{"count":1,"cuont":2}"#, "cuont", "is not a known field"),
            (r#"{"count":1,"a`, expected b":2}"#, "a`, expected b", "is not a known field"),
            (r#"{"count":1,"nested":{"flag":true,"x":1}}"#, "nested.x", "is not a known field"),
            (r#"{"count":1,"nested":{"flag":true,"x.y":1}}"#, "nested.x.y", "is not a known field"),
            (r#"{"count":1,"nested":{}}"#, "nested.flag", "is required"),
            ("{}", "count", "is required"),
            (r#"{"count":1,"count":2}"#, "count", "is given more than once"),
            (r#"{"count":"s3cret"}"#, "count", "must be an integer that fits"),
            (r#"{"count":9223372036854775808}"#, "count", "must be an integer that fits"),
            (r#"{"count":99999999999999999999999}"#, "count", "must be an integer that fits"),
            (r#"{"count":1.5}"#, "count", "must be an integer that fits"),
            (r#"{"items":"s3cret, expected x","count":1}"#, "items", "must be a list"),
            (r#"{"items":["a",{"s3cret":1}],"count":1}"#, "items[1]", "must be a string"),
            (r#"{"count":1,"nested":{"flag":"s3cret"}}"#, "nested.flag", "must be true or false"),
            (r#""s3cret""#, "body", "must be an object"),
            ("null", "body", "must be an object"),
        ] {
            let (found, why) = refused(text);
            assert_eq!((found.as_str(), why.as_str()), (field, reason), "{text}");
        }
        let long = format!(r#"{{"{}":1}}"#, "x".repeat(10_000));
        assert_eq!(refused(&long).0.len(), crate::api::read::MAX_SHOWN);
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        assert!(malformed(b"{\"count\":\n s3cret}").contains("line 2, column 2"));
        assert!(malformed(b"").contains("line 1"));
        assert!(malformed(b"{\"count\":1}}").contains("column 12"));
        assert!(malformed(b"{\"count\":1,\"items\":[\"\xff\"]}").contains("byte 21"));
        let deep = format!("{{\"count\":1,\"items\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(malformed(deep.as_bytes()).contains("64 levels"));
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(nesting(br#"{"a":"[[\"[[\\","b":[{}]}"#), 3);
        assert_eq!(parse_json::<Order>(br#"{"count":1,"items":["[[[["]}"#).unwrap().items, ["[[[["]);
    }

    #[test]
    fn a_charset_is_utf_8_and_other_parameters_do_not_matter() {
        let headers = |text: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, text.parse().unwrap())]);
        for good in
            ["Application/JSON; charset=utf-8", "application/json;CHARSET=\"UTF-8\"", "application/json; v=1"]
        {
            assert!(require_json(&headers(good)).is_ok(), "{good}");
        }
        let latin = "application/json; charset=latin1";
        for wrong in ["text/plain", "application/jsonp", "application/x-www-form-urlencoded", "", latin] {
            assert!(require_json(&headers(wrong)).is_err(), "{wrong}");
        }
        assert!(require_json(&HeaderMap::new()).is_err());
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Note {
        text: Option<String>,
    }

    fn sent(content_type: Option<&str>, body: &'static str) -> Request {
        let request = Request::delete("/");
        let request = content_type.into_iter().fold(request, |r, text| r.header(header::CONTENT_TYPE, text));
        request.body(Body::from(body)).unwrap()
    }

    #[tokio::test]
    async fn an_optional_body_may_be_left_out_but_not_be_something_else() {
        for (content_type, body, expected) in [
            (None, "", Ok(None)),
            (Some("application/json"), "", Ok(None)),
            (Some("text/plain"), "", Ok(None)),
            (Some("application/json"), "null", Ok(None)),
            (Some("application/json"), r#"{"text":"a"}"#, Ok(Some("a"))),
            (None, r#"{"text":"a"}"#, Err(Code::UnsupportedMediaType)),
            (Some("text/plain"), r#"{"text":"a"}"#, Err(Code::UnsupportedMediaType)),
            (Some("application/json"), r#"{"test":"a"}"#, Err(Code::InvalidRequest)),
            (Some("application/json"), "{", Err(Code::MalformedRequest)),
        ] {
            let read = OptionalJsonBody::<Note>::from_request(sent(content_type, body), &()).await;
            let found = read.map(|OptionalJsonBody(note)| note.text).map_err(|problem| problem.0.code);
            assert_eq!(found, expected.map(|text| text.map(str::to_owned)), "{content_type:?} {body}");
        }
        let required = JsonBody::<Note>::from_request(sent(Some("application/json"), ""), &()).await;
        assert_eq!(required.err().map(|problem| problem.0.code), Some(Code::MalformedRequest));
    }
}
