//! Whether a credential works: asked of the service itself.

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    egress::{Answer, Ask, Egress, EgressError},
    model::catalog::{
        ACCESS_TOKEN, Service,
        issuing::{IssuerKind, Issuing},
        requests::Validation,
    },
};

use super::render::attachments;

/// What the service said of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Works,
    /// The service refuses it, with this status.
    Refused(u16),
    /// Nobody knows: the service was not reached, or answered something else.
    Unknown(String),
    /// The service's description names no request to try, or what requests carry is made of the credential first.
    Untried,
}

impl Verdict {
    /// What is said of it in a word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Refused(_) => "refused",
            Self::Unknown(_) => "unknown",
            Self::Untried => "untried",
        }
    }

    /// The words for every verdict.
    pub const NAMES: &[&str] = &["works", "refused", "unknown", "untried"];

    /// The status of a refusal.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(status) => Some(*status),
            Self::Works | Self::Unknown(_) | Self::Untried => None,
        }
    }

    /// Why nobody knows, in words of our own.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Works | Self::Refused(_) | Self::Untried => None,
        }
    }
}

/// Tries a credential at its service.
pub async fn validate(egress: &Egress, service: &Service, values: &Map<String, Value>) -> Verdict {
    let Some(validation) = &service.validation else { return Verdict::Untried };
    if is_made(&service.issuing, values) {
        return Verdict::Untried;
    }
    let Some(ask) = request(service, validation, values) else {
        return Verdict::Unknown("the credential lacks what the request is made of".to_owned());
    };
    match egress.ask(ask).await {
        Ok(answer) => match judge(validation, &answer) {
            // It runs out by itself, and a new one is made: that it did says nothing of the credential.
            Verdict::Refused(status) if values.contains_key(REFRESH_TOKEN) => {
                let told = format!(
                    "the service refuses the access token ({status}); the refresh token was not tried"
                );
                Verdict::Unknown(told)
            }
            verdict => verdict,
        },
        Err(EgressError::Malformed) => Verdict::Unknown("the credential cannot be sent over HTTP".to_owned()),
        Err(error) => Verdict::Unknown(error.to_string()),
    }
}

/// Whether requests carry a token that the credential is only the means to make.
fn is_made(issuing: &Issuing, values: &Map<String, Value>) -> bool {
    match issuing.kind {
        IssuerKind::Static => false,
        IssuerKind::Signed => true,
        IssuerKind::ClientCredentials | IssuerKind::ClientCredentialsPerLease => {
            values.contains_key(CLIENT_SECRET) || !values.contains_key(ACCESS_TOKEN)
        }
        IssuerKind::AuthorizationCode => !values.contains_key(ACCESS_TOKEN),
    }
}

fn request(service: &Service, validation: &Validation, values: &Map<String, Value>) -> Option<Ask> {
    let url = validation.url.fill(|name| service.value(values, name)).ok()?;
    let mut url = Url::parse(&url).ok()?;
    let attached = attachments(service, values);
    for (name, value) in &attached.query {
        url.query_pairs_mut().append_pair(name, value.expose());
    }
    let mut ask = Ask { timeout: LONGEST, ..Ask::new(Method::GET, url) };
    for (name, value) in attached.headers {
        ask.headers.push((name.parse().ok()?, value));
    }
    Some(ask)
}

fn judge(validation: &Validation, answer: &Answer) -> Verdict {
    match answer.status.as_u16() {
        // GitHub, for one, refuses with 403 whoever asks too often.
        403 if wants_fewer_calls(answer) => Verdict::Unknown("the service asks for fewer calls".to_owned()),
        status @ (401 | 403) => Verdict::Refused(status),
        200..=299 if is_as_expected(validation, &answer.body) => Verdict::Works,
        200..=299 => Verdict::Unknown("the service answered something else than it should".to_owned()),
        status => Verdict::Unknown(format!("the service answered {status}")),
    }
}

fn wants_fewer_calls(answer: &Answer) -> bool {
    let none_left = answer.headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    none_left || answer.headers.contains_key(http::header::RETRY_AFTER)
}

fn is_as_expected(validation: &Validation, body: &[u8]) -> bool {
    validation.expects.as_ref().is_none_or(|expected| {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        answer.pointer(&expected.at) == Some(&expected.is)
    })
}

/// For a turn, and again for the answer: a caller who waits for the verdict has half a minute at most.
const LONGEST: Duration = Duration::from_secs(10);
const CLIENT_SECRET: &str = "client_secret";
const REFRESH_TOKEN: &str = "refresh_token";
