//! What an invitation's link leads to: a page that says how to accept, and the one way for somebody without a token.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request},
    response::Html,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{Origin, admin::Registered as Made},
    model::id::{OrganizationId, TokenId, UserId},
};

use super::{
    App,
    caller::origin,
    extract::JsonBody,
    parameters::{NoQuery, Query},
    problem::Problem,
};

/// Somebody who shows nothing.
pub(super) struct Stranger(Origin);

impl<S: Send + Sync> FromRequestParts<S> for Stranger {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(origin(&parts.extensions)))
    }
}

/// Who becomes a user by which invitation. No `Debug`: it holds a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    /// The link, or what stands in it after the `#`.
    link: String,
    /// The new user's name, for people.
    #[schema(example = "Ada")]
    name: String,
}

/// A user, made. No `Debug`: it holds a secret.
#[derive(Serialize, ToSchema)]
pub(super) struct Registered {
    /// The user's id.
    #[schema(value_type = String, example = "usr_069bq1c8m5vk3f5k9t4m2s6g8c")]
    user_id: UserId,
    /// The user's e-mail address.
    email: String,
    /// The organization that the user is a member of now.
    #[schema(value_type = String, example = "org_069bq1c8m5vk3f5k9t4m2s6g8c")]
    organization_id: OrganizationId,
    /// The id of the first token.
    #[schema(value_type = String, example = "tok_069bq1c8m5vk3f5k9t4m2s6g8c")]
    token_id: TokenId,
    /// The first token; shown this once.
    token: String,
}

/// Become a user by an invitation
///
/// For somebody without a token, where an operator vouched for the address. Everybody else accepts with a token.
#[utoipa::path(
    post,
    path = "/api/invitations/register",
    tag = "self-service",
    request_body = Register,
    responses(
        (status = 201, description = "The user, a member now, and a first token", body = Registered),
        (status = 401, description = "Only a user can accept this one", body = super::problem::ProblemBody<'_>,
            content_type = "application/problem+json"),
        (status = 404, description = "No such invitation, or not good any more", body = super::problem::ProblemBody<'_>,
            content_type = "application/problem+json"),
        (status = 409, description = "There is a user of this address", body = super::problem::ProblemBody<'_>,
            content_type = "application/problem+json"),
        (status = 422, description = "A value cannot be accepted", body = super::problem::ProblemBody<'_>,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many failed attempts", body = super::problem::ProblemBody<'_>,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn register(
    State(app): State<Arc<App>>,
    Stranger(origin): Stranger,
    Query(()): NoQuery,
    JsonBody(Register { link, name }): JsonBody<Register>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let Made { member, token, text } = app.broker.register_by_invitation(&origin, &link, &name).await?;
    let registered = Registered {
        user_id: member.user_id,
        email: member.email,
        organization_id: member.organization_id,
        token_id: token.id,
        token: text.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(registered)))
}

/// Where the link leads. The part after the `#` stays in the browser: this page neither gets nor needs it.
pub(super) async fn page() -> Html<&'static str> {
    Html(PAGE)
}

const PAGE: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
    <title>Leasehold: an invitation</title></head><body><main><h1>You are invited</h1>\n\
    <p>The address of this page is an invitation to an organization. It is a secret, good once and for a week.</p>\n\
    <p>With a token of yours, accept it with <code>leasehold me invitations accept --link -</code>, which reads it from stdin, or by sending the \
    whole address as <code>link</code>:</p>\n\
    <pre>POST /api/invitations/accept\nAuthorization: Bearer mcp_…\n\n{\"link\": \"…\"}</pre>\n\
    <p>Without a token, and if an operator lets this invitation make its user:</p>\n\
    <pre>POST /api/invitations/register\n\n{\"link\": \"…\", \"name\": \"Your Name\"}</pre>\n\
    <p>The API itself is described <a href=\"/docs/index.html\">here</a>.</p></main></body></html>\n";

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::super::testing::{Answer, answer, get, router};

    async fn register(body: &Value) -> Answer {
        let (router, _folder) = router().await;
        let request = Request::post("/api/invitations/register").header("content-type", "application/json");
        answer(router.oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap()).await
    }

    #[tokio::test]
    async fn the_link_leads_to_a_page_without_scripts() {
        let (router, _folder) = router().await;
        let page = answer(router.oneshot(get("/invitations")).await.unwrap()).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert!(page.text.contains("/api/invitations/accept") && !page.text.contains("<script"));
    }

    #[tokio::test]
    async fn what_makes_no_user_is_refused() {
        for (body, status, code) in [
            (json!({ "link": "lhi_x", "name": "Ada" }), 404, "not_found"),
            (json!({ "link": "", "name": "Ada" }), 404, "not_found"),
            (json!({ "link": "lhi_x", "name": "" }), 422, "invalid_request"),
            (json!({ "name": "Ada" }), 422, "invalid_request"),
            (json!({ "link": "lhi_x", "name": "Ada", "role": "owner" }), 422, "invalid_request"),
        ] {
            let refused = register(&body).await;
            assert_eq!((refused.status, &refused.json["code"]), (status, &json!(code)), "{body}");
            assert_eq!(refused.header("cache-control"), "no-store");
            assert!(!refused.text.contains("lhi_x"), "{}", refused.text);
        }
    }
}
