//! What the OAuth endpoints answer.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    broker::tokens::types::{Introspection, IssuedToken, TokenError},
    http::problem::retry_after,
    model::instant::Instant,
    wire::token_statuses,
};

/// A token (RFC 6749, section 5.1).
// No `Debug`: it holds the token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(in crate::http) struct TokenBody<'a> {
    /// A signed JWT (RFC 9068).
    access_token: &'a str,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds.
    #[schema(example = 3600)]
    expires_in: i64,
    /// What it allows.
    #[schema(example = "lease:create lease:renew service:*")]
    scope: &'a str,
}

/// What a token is (RFC 7662, section 2.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Introspection)]
pub(in crate::http) struct IntrospectionBody {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Whose credentials it reaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

/// A refusal (RFC 6749, section 5.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(in crate::http) struct OAuthErrorBody<'a> {
    #[schema(example = "invalid_client")]
    pub(in crate::http) error: &'static str,
    #[schema(value_type = String)]
    pub(in crate::http) error_description: Cow<'a, str>,
}

/// What the server can do (RFC 8414, section 2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthorizationServerMetadata)]
pub(in crate::http) struct Metadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    service_documentation: String,
    grant_types_supported: [&'static str; 1],
    response_types_supported: [&'static str; 0],
    scopes_supported: Vec<String>,
    token_endpoint_auth_methods_supported: [&'static str; 2],
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
}

/// The code of a refusal, for its record.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct RefusalCode(pub(in crate::http) &'static str);

/// A refusal on its way out.
#[derive(Debug)]
pub(in crate::http) struct Refusal(Box<TokenError>);

impl<'a> TokenBody<'a> {
    /// The answer that hands the token out.
    pub(super) fn of(issued: &'a IssuedToken) -> Self {
        let IssuedToken { access_token, expires_in, scope } = issued;
        Self { access_token: access_token.expose(), token_type: BEARER, expires_in: *expires_in, scope }
    }
}

impl From<Introspection> for IntrospectionBody {
    fn from(introspection: Introspection) -> Self {
        let Introspection { active, scope, client_id, sub, aud, iss, exp, iat, jti, owner } = introspection;
        Self {
            active,
            scope,
            client_id,
            token_type: active.then_some(BEARER),
            sub,
            aud,
            iss,
            exp: exp.map(Instant::unix_seconds),
            iat: iat.map(Instant::unix_seconds),
            jti,
            owner,
        }
    }
}

impl Metadata {
    /// What the server with this URL can do.
    pub(super) fn of(issuer: &str, scopes: Vec<String>) -> Self {
        let base = issuer.trim_end_matches('/');
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{base}/oauth/token"),
            jwks_uri: format!("{base}/oauth/jwks"),
            introspection_endpoint: format!("{base}/oauth/introspect"),
            revocation_endpoint: format!("{base}/oauth/revoke"),
            service_documentation: format!("{base}/docs"),
            grant_types_supported: ["client_credentials"],
            response_types_supported: [],
            scopes_supported: scopes,
            token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
            introspection_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
            revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        Self(Box::new(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, _) = token_statuses(self.0.code);
        let error_description = Cow::Owned(printable(&self.0.description));
        let body = OAuthErrorBody { error: self.0.code.as_str(), error_description };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(RefusalCode(self.0.code.as_str()));
        let headers = response.headers_mut();
        // RFC 9110 wants a challenge on every 401, and Basic is the one scheme that these endpoints know.
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="leasehold""#));
        }
        if let Some(seconds) = retry_after(status, self.0.retry_after) {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// RFC 6749 allows printable ASCII without `"` and `\` in a description.
fn printable(description: &str) -> String {
    let allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    description.chars().map(|c| if allowed(c) { c } else { '\'' }).collect()
}

const BEARER: &str = "Bearer";
const CLIENT_AUTHENTICATION: [&str; 2] = ["client_secret_basic", "client_secret_post"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::testing;

    #[tokio::test]
    async fn refusals_look_as_the_rfc_says() {
        use crate::broker::tokens::types::TokenErrorCode::{
            InvalidClient, InvalidScope, ServerError, SlowDown, TemporarilyUnavailable,
        };
        for (code, status, name) in [
            (InvalidClient, 401, "invalid_client"),
            (InvalidScope, 400, "invalid_scope"),
            (SlowDown, 429, "slow_down"),
            (TemporarilyUnavailable, 503, "temporarily_unavailable"),
            (ServerError, 500, "server_error"),
        ] {
            let error = TokenError::new(code, "a \"text\" with \\ and é");
            let answer = testing::answer(Refusal::from(error).into_response()).await;
            assert_eq!(answer.status, status);
            let expected = json!({"error": name, "error_description": "a 'text' with ' and '"});
            assert_eq!(answer.json, expected);
            assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
            assert_eq!(answer.headers.contains_key("retry-after"), matches!(status, 429 | 503));
        }
    }

    #[test]
    fn a_dead_token_is_inactive_and_nothing_else() {
        let dead = IntrospectionBody::from(Introspection::default());
        assert_eq!(serde_json::to_value(dead).unwrap(), json!({"active": false}));
        let live = Introspection {
            active: true,
            exp: Some(Instant::from_micros(5_999_999)),
            ..Introspection::default()
        };
        let live = serde_json::to_value(IntrospectionBody::from(live)).unwrap();
        assert_eq!(live, json!({"active": true, "token_type": "Bearer", "exp": 5}));
    }

    #[test]
    fn metadata_lists_what_works() {
        let metadata = Metadata::of("https://broker.example", vec!["lease:create".to_owned()]);
        let metadata = serde_json::to_value(metadata).unwrap();
        assert_eq!(metadata["token_endpoint"], "https://broker.example/oauth/token");
        assert_eq!(metadata["response_types_supported"], json!([]));
        assert_eq!(metadata["grant_types_supported"], json!(["client_credentials"]));
    }
}
