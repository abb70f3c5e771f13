//! Whether a credential works: asked of the service itself.

use http::Method;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    egress::{Answer, Ask, Egress, EgressError},
    model::catalog::{Service, requests::Validation},
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
    /// The service's description names no request to try.
    Untried,
}

/// Tries a credential at its service.
pub async fn validate(egress: &Egress, service: &Service, values: &Map<String, Value>) -> Verdict {
    let Some(validation) = &service.validation else { return Verdict::Untried };
    let Some(ask) = request(service, validation, values) else {
        return Verdict::Unknown("the credential lacks what the request is made of".to_owned());
    };
    match egress.ask(ask).await {
        Ok(answer) => judge(validation, &answer),
        Err(EgressError::Malformed) => Verdict::Unknown("the credential cannot be sent over HTTP".to_owned()),
        Err(error) => Verdict::Unknown(error.to_string()),
    }
}

fn request(service: &Service, validation: &Validation, values: &Map<String, Value>) -> Option<Ask> {
    let url = validation.url.fill(|name| service.value(values, name)).ok()?;
    let mut url = Url::parse(&url).ok()?;
    let attached = attachments(service, values);
    for (name, value) in &attached.query {
        url.query_pairs_mut().append_pair(name, value.expose());
    }
    let mut ask = Ask::new(Method::GET, url);
    for (name, value) in attached.headers {
        ask.headers.push((name.parse().ok()?, value));
    }
    Some(ask)
}

fn judge(validation: &Validation, answer: &Answer) -> Verdict {
    match answer.status.as_u16() {
        status @ (401 | 403) => Verdict::Refused(status),
        200..=299 if is_as_expected(validation, &answer.body) => Verdict::Works,
        200..=299 => Verdict::Unknown("the service answered something else than it should".to_owned()),
        status => Verdict::Unknown(format!("the service answered {status}")),
    }
}

fn is_as_expected(validation: &Validation, body: &[u8]) -> bool {
    validation.expects.as_ref().is_none_or(|expected| {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        answer.pointer(&expected.at) == Some(&expected.is)
    })
}
