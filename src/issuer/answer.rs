//! What a token endpoint's answer means.

use http::header;
use serde_json::{Map, Value};
use time::{
    PrimitiveDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description,
};

use crate::{
    egress::Answer,
    model::{
        catalog::issuing::{AnswerShape, Issuing},
        instant::Instant,
        secret::SecretText,
    },
};

use super::error::IssueError;

/// Tokens, as they came.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// What is lent.
    pub access_token: SecretText,
    /// Its type, where the service says.
    pub token_type: Option<String>,
    /// What it allows, where the service says.
    pub scope: Option<String>,
    /// When it runs out, where that is known.
    pub expires_at: Option<Instant>,
    /// A new refresh token; none when the one before stays.
    pub refresh_token: Option<SecretText>,
    /// When the refresh token runs out, where that is known.
    pub refresh_expires_at: Option<Instant>,
}

/// Reads an answer. `asked_at` is when the question was sent: a token's life is counted from there, so that it is over here
/// no later than at the service.
pub(super) fn read(issuing: &Issuing, answer: &Answer, asked_at: Instant) -> Result<Tokens, IssueError> {
    let status = answer.status.as_u16();
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(error) = refusal(issuing, answer, &body) {
        return Err(error);
    }
    let object = body.as_object().filter(|_| answer.status.is_success());
    let object = object.ok_or(IssueError::Unexpected(status))?;
    let secret = |name: &str| text(object, name).map(SecretText::new);
    Ok(Tokens {
        access_token: secret("access_token").ok_or(IssueError::Unexpected(status))?,
        token_type: text(object, "token_type"),
        scope: text(object, "scope"),
        expires_at: expiry(&issuing.answer, object, asked_at),
        refresh_token: secret("refresh_token"),
        refresh_expires_at: refresh_expiry(&issuing.answer, object, asked_at),
    })
}

/// What a refusal means; none for what is none. GitHub and others refuse with 200.
fn refusal(issuing: &Issuing, answer: &Answer, body: &Value) -> Option<IssueError> {
    let status = answer.status.as_u16();
    if status == 429 {
        let seconds =
            answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        return Some(IssueError::TooMany(
            seconds.map(|seconds: u64| std::time::Duration::from_secs(seconds.min(MAX_RETRY_AFTER_SECONDS))),
        ));
    }
    if answer.status.is_server_error() {
        return Some(IssueError::Unexpected(status));
    }
    if let Some(code) = issuing.errors.at.as_ref().and_then(|at| body.pointer(at)).map(plain) {
        if let Some(words) = issuing.errors.disabled.get(&code) {
            return Some(IssueError::AccountDisabled(words.clone()));
        }
        if issuing.errors.refused.contains(&code) {
            return Some(IssueError::GrantRefused);
        }
    }
    match body.get("error").and_then(Value::as_str) {
        Some("invalid_grant" | "bad_refresh_token" | "bad_verification_code") => {
            Some(IssueError::GrantRefused)
        }
        Some("invalid_client" | "unauthorized_client" | "incorrect_client_credentials") => {
            Some(IssueError::ClientRefused)
        }
        Some(_) if answer.status.is_success() => Some(IssueError::Unexpected(status)),
        _ if status == 401 => Some(IssueError::ClientRefused),
        _ => None,
    }
}

/// The earlier of what the answer says and the longest that such a token lives.
fn expiry(shape: &AnswerShape, object: &Map<String, Value>, asked_at: Instant) -> Option<Instant> {
    let longest = shape.life_seconds.map(|seconds| asked_at.plus_seconds(seconds));
    let told = seconds(object, "expires_in").map(|seconds| asked_at.plus_seconds(seconds));
    let dated = shape.expires_at.as_ref().and_then(|name| date(object, name, shape.dates_offset_hours));
    [longest, told, dated].into_iter().flatten().min()
}

fn refresh_expiry(shape: &AnswerShape, object: &Map<String, Value>, asked_at: Instant) -> Option<Instant> {
    let longest = shape.refresh_life_seconds.map(|seconds| asked_at.plus_seconds(seconds));
    let told = ["refresh_token_expires_in", "refresh_expires_in"];
    let told =
        told.iter().find_map(|name| seconds(object, name)).map(|seconds| asked_at.plus_seconds(seconds));
    let dated =
        shape.refresh_expires_at.as_ref().and_then(|name| date(object, name, shape.dates_offset_hours));
    [longest, told, dated].into_iter().flatten().min()
}

/// Seconds, as a number or a text; what is no length of time is not known, and less than nothing is nothing.
fn seconds(object: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = object.get(name)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
    (number <= MAX_LIFE_SECONDS).then_some(number.max(0.0) as i64)
}

/// A date without a zone: `0000-00-00 00:00:00` and the like are not known.
fn date(object: &Map<String, Value>, name: &str, offset_hours: i64) -> Option<Instant> {
    let text = object.get(name)?.as_str()?;
    let offset = UtcOffset::from_hms(i8::try_from(offset_hours).ok()?, 0, 0).ok()?;
    let date = PrimitiveDateTime::parse(text, DATE).ok()?.assume_offset(offset);
    i64::try_from(date.unix_timestamp_nanos() / 1_000).ok().map(Instant::from_micros)
}

/// Texts are taken as they are; an empty one is none.
fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    let text = object.get(name)?.as_str()?;
    (1..=MAX_TOKEN_BYTES).contains(&text.len()).then(|| text.to_owned())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const MAX_RETRY_AFTER_SECONDS: u64 = 3_600;
/// Ten years: longer ones are slips.
const MAX_LIFE_SECONDS: f64 = 315_360_000.0;
const MAX_TOKEN_BYTES: usize = 16_384;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::catalog::Catalog;

    const ASKED: Instant = Instant::from_micros(1_614_697_101_000_000);

    fn tray() -> &'static Issuing {
        &Catalog::built_in().find(&"tray".parse().expect("a name")).expect("built in").issuing
    }

    fn answered(status: u16, body: &Value) -> Result<Tokens, IssueError> {
        let answer = Answer {
            status: http::StatusCode::from_u16(status).expect("a status"),
            headers: http::HeaderMap::new(),
            body: body.to_string().into_bytes(),
        };
        read(tray(), &answer, ASKED)
    }

    fn envelope(access: &str, refresh: &str) -> Value {
        json!({
            "message": "Created tokens", "code": "201", "access_token": "a", "refresh_token": "r", "store_id": 7,
            "date_expiration_access_token": access, "date_expiration_refresh_token": refresh,
        })
    }

    #[test]
    fn dates_are_brasilias_and_never_later_than_a_token_lives() {
        let lives = |text: &str| answered(201, &envelope(text, "x")).expect("tokens").expires_at;
        let longest = ASKED.plus_seconds(10_800);
        for (text, expected) in [
            ("2021-03-02 14:58:21", longest.min(Instant::from_micros(1_614_707_901_000_000))),
            ("2021-03-02 13:00:00", Instant::from_micros(1_614_700_800_000_000)),
            ("0000-00-00 00:00:00", longest),
            ("2030-01-01 00:00:00", longest),
            ("soon", longest),
        ] {
            assert_eq!(lives(text), Some(expected), "{text}");
        }
        let refresh =
            answered(200, &envelope("x", "0000-00-00 00:00:00")).expect("tokens").refresh_expires_at;
        assert_eq!(refresh, Some(ASKED.plus_seconds(2_592_000)));
    }

    #[test]
    fn refusals_mean_what_the_service_says() {
        let store = |code: i64| answered(401, &json!({ "code": 401, "error_code": code }));
        assert_eq!(store(1_000).err(), Some(IssueError::GrantRefused));
        assert_eq!(store(1_002).err(), Some(IssueError::AccountDisabled("the store is inactive".to_owned())));
        assert_eq!(store(4).err(), Some(IssueError::ClientRefused));
        for (status, body, expected) in [
            (400, json!({ "error": "invalid_grant" }), IssueError::GrantRefused),
            (401, json!({ "error": "invalid_client" }), IssueError::ClientRefused),
            (503, json!({ "error": "invalid_grant" }), IssueError::Unexpected(503)),
            (429, json!({}), IssueError::TooMany(None)),
            (200, json!({ "error": "bad_verification_code" }), IssueError::GrantRefused),
            (200, json!({ "access_token": "" }), IssueError::Unexpected(200)),
            (200, json!([]), IssueError::Unexpected(200)),
            (302, json!({ "access_token": "a" }), IssueError::Unexpected(302)),
        ] {
            assert_eq!(answered(status, &body).err(), Some(expected), "{status} {body}");
        }
    }

    #[test]
    fn lives_are_numbers_or_texts() {
        let shape = AnswerShape::default();
        for (value, expected) in [
            (json!(3_600), Some(3_600)),
            (json!("3600"), Some(3_600)),
            (json!(3_599.9), Some(3_599)),
            (json!(-1), Some(0)),
            (json!(0), Some(0)),
            (json!(1e300), None),
            (json!("never"), None),
            (Value::Null, None),
        ] {
            let object = json!({ "expires_in": value });
            let read = expiry(&shape, object.as_object().expect("an object"), ASKED);
            assert_eq!(read, expected.map(|seconds| ASKED.plus_seconds(seconds)), "{value}");
        }
    }
}
