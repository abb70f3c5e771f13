//! The OAuth endpoints: token (RFC 6749), introspection (RFC 7662), revocation (RFC 7009), keys (RFC 7517) and
//! metadata (RFC 8414). Their errors have the shape of RFC 6749, section 5.2.

mod answers;
mod client;
mod request;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::broker::tokens::types::{IssueToken, TokenError, TokenErrorCode};

use super::App;

use answers::Refusal;
pub(super) use answers::{IntrospectionBody, Metadata, OAuthErrorBody, RefusalCode, TokenBody};
use request::OAuthRequest;
pub(super) use request::{IntrospectForm, RevokeForm, TokenForm};

/// Get an access token
///
/// The client credentials grant. The body is a form or JSON; the client shows its id and secret by HTTP Basic or in
/// the body, not both.
#[utoipa::path(
    post,
    path = "/oauth/token",
    tag = "oauth",
    request_body(
        description = "Also accepted as application/json",
        content(
            (TokenForm = "application/x-www-form-urlencoded"),
            (TokenForm = "application/json", example = json!({"grant_type": "client_credentials"})),
        )
    ),
    responses((status = 200, description = "A token", body = TokenBody<'_>))
)]
pub(super) async fn token(
    State(app): State<Arc<App>>,
    mut request: OAuthRequest,
) -> Result<Response, Refusal> {
    let asked = IssueToken {
        client: request.client.take(),
        grant_type: request.parameters.take("grant_type"),
        scope: request.parameters.take("scope"),
        resource: request.parameters.take("resource"),
    };
    let issued = app.broker.issue_token(&request.origin, asked).await?;
    Ok(Json(TokenBody::of(&issued)).into_response())
}

/// What a token is
#[utoipa::path(
    post,
    path = "/oauth/introspect",
    tag = "oauth",
    request_body(content = IntrospectForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What it is; `active: false` alone when it is nothing", body = IntrospectionBody))
)]
pub(super) async fn introspect(
    State(app): State<Arc<App>>,
    mut request: OAuthRequest,
) -> Result<Json<IntrospectionBody>, Refusal> {
    let token = request.token()?;
    let client = request.client.take();
    Ok(Json(app.broker.introspect_token(&request.origin, client, token.expose()).await?.into()))
}

/// Revoke a token
///
/// Succeeds for a token that is unknown, or is not the client's, too; that one stays as it is.
#[utoipa::path(
    post,
    path = "/oauth/revoke",
    tag = "oauth",
    request_body(content = RevokeForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token, if it was the client's, no longer works"))
)]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    mut request: OAuthRequest,
) -> Result<StatusCode, Refusal> {
    let token = request.token()?;
    let client = request.client.take();
    app.broker.revoke_token(&request.origin, client, token.expose()).await?;
    Ok(StatusCode::OK)
}

/// The keys that verify access tokens
#[utoipa::path(
    get,
    path = "/oauth/jwks",
    tag = "oauth",
    responses((status = 200, description = "A JWK set (RFC 7517)", body = Object))
)]
pub(super) async fn jwks(State(app): State<Arc<App>>) -> Result<Json<serde_json::Value>, Refusal> {
    Ok(Json(app.broker.jwks().await?))
}

/// What this authorization server can do
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    tag = "oauth",
    responses((status = 200, description = "Metadata (RFC 8414)", body = Metadata))
)]
pub(super) async fn metadata(State(app): State<Arc<App>>) -> Json<Metadata> {
    Json(Metadata::of(app.broker.issuer_url(), app.broker.supported_scopes()))
}

fn invalid_request(description: impl Into<String>) -> TokenError {
    TokenError::new(TokenErrorCode::InvalidRequest, description)
}
