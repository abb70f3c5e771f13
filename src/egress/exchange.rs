//! One request and its answer.

use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

use crate::model::secret::SecretText;

use super::EgressError;

/// What is asked. `Debug` shows method and host alone.
pub struct Ask {
    /// GET, POST …
    pub method: Method,
    /// Whole; its query may hold secrets.
    pub url: Url,
    /// Names and values; values may be secrets.
    pub headers: Vec<(HeaderName, SecretText)>,
    /// What is sent along.
    pub body: Body,
    /// For everything from the first byte sent to the last one read.
    pub timeout: Duration,
}

/// A request's body.
pub enum Body {
    /// None.
    Empty,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, SecretText)>),
    /// `application/json`, as text.
    Json(SecretText),
}

/// An answer, read to its end. `Debug` shows the status alone.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most 256 KiB.
    pub body: Vec<u8>,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("Ask").field("method", &self.method).field("host", &host).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

pub(super) async fn exchange(client: &reqwest::Client, ask: Ask) -> Result<Answer, EgressError> {
    let Ask { method, url, headers, body, timeout } = ask;
    let mut request = client.request(method, url).timeout(timeout);
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| EgressError::Malformed)?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    let request = match body {
        Body::Empty => request,
        Body::Form(fields) => request.header(http::header::CONTENT_TYPE, FORM).body(form(&fields)),
        Body::Json(text) => {
            request.header(http::header::CONTENT_TYPE, "application/json").body(text.expose().to_owned())
        }
    };
    let response = request.send().await.map_err(|error| fault(&error))?;
    read(response).await
}

async fn read(mut response: reqwest::Response) -> Result<Answer, EgressError> {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| fault(&error))? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(EgressError::TooLarge(MAX_BYTES));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

fn form(fields: &[(String, SecretText)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(name, value.expose());
    }
    form.finish()
}

fn fault(error: &reqwest::Error) -> EgressError {
    if error.is_builder() {
        EgressError::Malformed
    } else if error.is_connect() && is_unresolved(error) {
        EgressError::Unresolved
    } else if error.is_connect() {
        EgressError::Unreachable
    } else if error.is_timeout() {
        EgressError::TimedOut
    } else {
        EgressError::BrokenOff
    }
}

/// The resolver's own refusal lies somewhere among the causes.
fn is_unresolved(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let own = error.downcast_ref::<std::io::Error>();
        if own.is_some_and(|error| error.kind() == std::io::ErrorKind::AddrNotAvailable) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The most that is read of an answer.
pub(super) const MAX_BYTES: usize = 256 * 1_024;

const FORM: &str = "application/x-www-form-urlencoded";
