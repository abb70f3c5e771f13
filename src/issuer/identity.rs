//! Whose account a token is for.

use http::{Method, header};
use serde_json::{Map, Value};

use crate::{
    egress::{Ask, Egress},
    model::{catalog::Service, secret::SecretText},
};

use super::{error::IssueError, render::attachments};

/// The account, as the description puts it; `fields` has the token.
pub(super) async fn find(
    egress: &Egress,
    service: &Service,
    fields: &Map<String, Value>,
) -> Result<Option<String>, IssueError> {
    let Some(identity) = &service.issuing.identity else { return Ok(None) };
    let answer = match &identity.url {
        Some(url) => {
            let url = url.fill(|name| service.value(fields, name));
            let url = url.map_err(|name| IssueError::Lacking(name.to_owned()))?;
            told(egress, service, fields, &url).await?
        }
        None => Value::Null,
    };
    let value = |name: &str| match identity.values.get(name) {
        Some(at) => answer.pointer(at).and_then(shown),
        None => service.value(fields, name),
    };
    let account = identity.account.fill(value).map_err(|name| IssueError::Lacking(name.to_owned()))?;
    Ok(Some(account.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()))
}

/// What the service answers to the new token.
async fn told(
    egress: &Egress,
    service: &Service,
    fields: &Map<String, Value>,
    url: &str,
) -> Result<Value, IssueError> {
    let mut ask = Ask::new(Method::GET, url.parse().map_err(|_| IssueError::NoAddress)?);
    let attached = attachments(service, fields);
    for (name, value) in &attached.query {
        ask.url.query_pairs_mut().append_pair(name, value.expose());
    }
    for (name, value) in attached.headers {
        ask.headers.push((name.parse().map_err(|_| IssueError::NoAddress)?, value));
    }
    ask.headers.push((header::ACCEPT, SecretText::new("application/json".to_owned())));
    let answer = egress.ask(ask).await.map_err(IssueError::Unreached)?;
    let status = answer.status.as_u16();
    if !answer.status.is_success() {
        return Err(IssueError::Unexpected(status));
    }
    serde_json::from_slice(&answer.body).map_err(|_| IssueError::Unexpected(status))
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What is only for people is shown in part.
const MAX_CHARS: usize = 200;
