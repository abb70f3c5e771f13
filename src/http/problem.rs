//! Problems (RFC 9457): how a failed call is answered.
//!
//! Handlers return a [`Problem`]; the edge renders it, because only there are the request's id and route known. What
//! caused it goes to the log, never into the answer.

use std::{borrow::Cow, error::Error as StdError, fmt::Write as _};

use axum::{
    Json,
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    broker::{Code, Error, Violation},
    model::scope::Operation,
    wire::statuses,
};

use super::{errors::explain, oauth::OAuthErrorBody};

/// A failed call on its way to the edge.
#[derive(Debug, Clone)]
pub(super) struct Problem(pub(super) Box<Error>);

/// What the edge knows about the request that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// The request's id.
    pub(super) request_id: &'a str,
    /// The broker's own URL, without a slash at the end.
    pub(super) issuer: &'a str,
    /// The scope that the route needs.
    pub(super) scope: Option<Operation>,
    /// Whether the request carried `Authorization`.
    pub(super) token_sent: bool,
    /// Whether errors have the shape of RFC 6749.
    pub(super) oauth: bool,
}

/// An error answer (RFC 9457), `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody<'a> {
    /// A page that explains the code.
    #[schema(format = "uri", example = "https://leasehold.example/docs/errors#missing_credentials")]
    r#type: String,
    /// What the code means, in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What was wrong this time, and what to do.
    detail: &'a str,
    /// The stable code.
    #[schema(example = "missing_credentials")]
    code: &'static str,
    /// What was wrong, field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError<'a>>,
    /// The id under which the log has the request.
    request_id: &'a str,
    /// On `missing_credentials`: the same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// On `missing_credentials`: the same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    /// On `missing_credentials`: the services that could not be lent.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_services: Option<&'a [String]>,
    /// On `missing_credentials`: everything that can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    available_services: Option<&'a [String]>,
}

/// One field that was wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldError<'a> {
    /// The field's path; `body` for the body as a whole.
    #[schema(example = "services[2]")]
    field: &'a str,
    /// What is wrong with it.
    reason: &'a str,
}

impl Problem {
    /// A problem of a code, with its public text.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Error::new(code, message).into()
    }

    /// Fields that were wrong.
    pub(super) fn invalid(violations: Vec<Violation>) -> Self {
        Error::invalid(violations).into()
    }

    /// A fault of our own: the cause is for the log alone.
    pub(super) fn fault(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error::internal(cause).into()
    }

    /// What caused it, for the log.
    pub(super) fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }

    /// The answer.
    pub(super) fn render(&self, context: Context<'_>) -> Response {
        let (status, _) = statuses(self.0.code);
        let mut response =
            if context.oauth { self.oauth_answer(status) } else { self.answer(status, context) };
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge(context) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = retry_after(status, self.0.retry_after) {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    fn answer(&self, status: StatusCode, context: Context<'_>) -> Response {
        let body = ProblemBody::of(&self.0, status, context);
        let mut response = (status, Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        response
    }

    fn oauth_answer(&self, status: StatusCode) -> Response {
        let error = match self.0.code {
            Code::Internal => "server_error",
            Code::Sealed | Code::Unavailable | Code::UpstreamUnavailable => "temporarily_unavailable",
            Code::RateLimited | Code::QuotaExceeded => "slow_down",
            _ => "invalid_request",
        };
        let body = OAuthErrorBody { error, error_description: Cow::Borrowed(&self.0.message) };
        (status, Json(body)).into_response()
    }

    /// RFC 6750, section 3. A refusal on the ground of a token says so; a request without one is merely challenged.
    fn challenge(&self, context: Context<'_>) -> Option<HeaderValue> {
        match (self.0.code, context.scope) {
            (Code::Unauthenticated, _) if context.token_sent => {
                Some(HeaderValue::from_static(r#"Bearer realm="leasehold", error="invalid_token""#))
            }
            (Code::Unauthenticated, _) => Some(HeaderValue::from_static(r#"Bearer realm="leasehold""#)),
            (Code::InsufficientScope, scope) => {
                let mut text = r#"Bearer realm="leasehold", error="insufficient_scope""#.to_owned();
                if let Some(scope) = scope {
                    // Writing to a string cannot fail.
                    let _ = write!(text, r#", scope="{}""#, scope.as_str());
                }
                HeaderValue::from_str(&text).ok()
            }
            _ => None,
        }
    }
}

impl<'a> ProblemBody<'a> {
    fn of(error: &'a Error, status: StatusCode, context: Context<'a>) -> Self {
        let code = error.code.as_str();
        let missing = error.missing.as_ref();
        let field = |v: &'a Violation| FieldError { field: &v.field, reason: &v.reason };
        Self {
            r#type: format!("{}/docs/errors#{code}", context.issuer),
            title: explain(error.code).title,
            status: status.as_u16(),
            detail: &error.message,
            code,
            errors: error.violations.iter().map(field).collect(),
            request_id: context.request_id,
            error: missing.map(|_| "Missing credentials for requested services"),
            message: missing.map(|_| "No credentials available for requested services"),
            missing_services: missing.map(|missing| missing.missing_services.as_slice()),
            available_services: missing.map(|missing| missing.available_services.as_slice()),
        }
    }
}

/// What a client should wait before it tries again; said on every 429 and 503.
pub(super) fn retry_after(status: StatusCode, seconds: Option<u32>) -> Option<u32> {
    let due = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    seconds.or_else(|| due.then_some(DEFAULT_RETRY_SECONDS))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(Box::new(error))
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem to the edge.
    fn into_response(self) -> Response {
        let (status, _) = statuses(self.0.code);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response.extensions_mut().insert(self);
        response
    }
}

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const DEFAULT_RETRY_SECONDS: u32 = 5;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{broker::MissingCredentials, http::testing};

    const CONTEXT: Context<'_> = Context {
        request_id: "r-1",
        issuer: "https://broker.example",
        scope: Some(Operation::LeaseRenew),
        token_sent: true,
        oauth: false,
    };

    #[tokio::test]
    async fn missing_credentials_have_both_vocabularies() {
        let mut error = Error::new(Code::MissingCredentials, "no credentials for jira");
        error.violations = vec![Violation::new("services[0]", "no credential that you may use")];
        error.missing = Some(Box::new(MissingCredentials {
            missing_services: vec!["jira".to_owned()],
            available_services: vec!["todoist".to_owned()],
        }));
        let answer = testing::answer(Problem::from(error).render(CONTEXT)).await;
        assert_eq!((answer.status, answer.header("content-type")), (422, "application/problem+json"));
        let expected = json!({
            "type": "https://broker.example/docs/errors#missing_credentials",
            "title": "Missing credentials",
            "status": 422,
            "detail": "no credentials for jira",
            "code": "missing_credentials",
            "errors": [{"field": "services[0]", "reason": "no credential that you may use"}],
            "request_id": "r-1",
            "error": "Missing credentials for requested services",
            "message": "No credentials available for requested services",
            "missing_services": ["jira"],
            "available_services": ["todoist"],
        });
        assert_eq!(answer.json, expected);
    }

    #[tokio::test]
    async fn challenges() {
        let invalid = r#"Bearer realm="leasehold", error="invalid_token""#;
        let lacking = r#"Bearer realm="leasehold", error="insufficient_scope", scope="lease:renew""#;
        for (code, token_sent, status, challenge) in [
            (Code::Unauthenticated, false, 401, r#"Bearer realm="leasehold""#),
            (Code::Unauthenticated, true, 401, invalid),
            (Code::InsufficientScope, true, 403, lacking),
            (Code::LeaseRevoked, true, 403, ""),
        ] {
            let problem = Problem::new(code, "no");
            let answer = testing::answer(problem.render(Context { token_sent, ..CONTEXT })).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (status, challenge));
        }
    }

    #[tokio::test]
    async fn causes_stay_inside() {
        let answer = testing::answer(Problem::fault("canary").render(CONTEXT)).await;
        assert_eq!(answer.json["code"], "internal");
        assert!(!answer.text.contains("canary"));
    }

    #[tokio::test]
    async fn every_code_says_when_to_come_back_if_it_should() {
        for code in Code::ALL {
            let answer = testing::answer(Problem::new(*code, "no").render(CONTEXT)).await;
            let waits = matches!(answer.status, 429 | 503);
            assert_eq!(answer.header("retry-after"), if waits { "5" } else { "" }, "{code:?}");
            let told = Error::new(*code, "no").retry_after(17);
            let answer = testing::answer(Problem::from(told).render(CONTEXT)).await;
            assert_eq!(answer.header("retry-after"), "17");
        }
    }
}
