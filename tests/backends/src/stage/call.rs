//! One request, read in full: what a stand-in answers to, what is recorded, and what faults look at.

use axum::{body::Bytes, response::Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use url::form_urlencoded;

use super::answer;

/// Names and values, in the order of the wire.
pub(crate) type Pairs = Vec<(String, String)>;

/// A request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Pairs,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// Reads it to its end.
    pub(crate) async fn read(request: Request<Incoming>) -> Result<Self, Response> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| {
            answer::text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long, or ended early".to_owned())
        })?;
        Ok(Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: pairs(head.uri.query().unwrap_or_default().as_bytes()),
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    /// The path's parts; empty ones, as after a last slash, are left out.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    /// The first query parameter of this name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// A header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The bearer token.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.credentials("bearer")
    }

    /// User and password of Basic authentication, as they were sent.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let decoded = BASE64_STANDARD.decode(self.credentials("basic")?).ok()?;
        let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// Whether the body says that it is a form.
    pub(crate) fn is_form(&self) -> bool {
        self.content_type().starts_with("application/x-www-form-urlencoded")
    }

    /// The body, read as a form.
    pub(crate) fn form(&self) -> Pairs {
        pairs(&self.body)
    }

    /// The body, read as JSON, whatever its type says.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The parameters of a body that is a form or a JSON object of texts, by its type.
    pub(crate) fn parameters(&self) -> Pairs {
        if self.is_form() {
            return self.form();
        }
        let Some(Value::Object(fields)) = self.json() else { return Pairs::new() };
        fields
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect()
    }

    fn content_type(&self) -> &str {
        self.header(header::CONTENT_TYPE.as_str()).unwrap_or_default()
    }

    fn credentials(&self, scheme: &str) -> Option<&str> {
        let (found, credentials) = self.header(header::AUTHORIZATION.as_str())?.split_once(' ')?;
        found.eq_ignore_ascii_case(scheme).then_some(credentials)
    }
}

/// The first value of this name.
pub(crate) fn find<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn pairs(encoded: &[u8]) -> Pairs {
    form_urlencoded::parse(encoded).into_owned().collect()
}

const MAX_BODY: usize = 4 << 20;
