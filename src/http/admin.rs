//! `/api/admin/…`: what operators do.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App,
    caller::{Authenticated, MemberPath},
    extract::JsonBody,
    problem::Problem,
};

/// End a membership
///
/// At once effective: every lease of the person that rests on the organization's credentials is refused at its next use.
#[utoipa::path(
    delete,
    path = "/api/admin/organizations/{organization}/members/{user}",
    tag = "administration",
    params(
        ("organization" = String, Path, description = "The organization's id"),
        ("user" = String, Path, description = "The person's id")
    ),
    responses((status = 204, description = "The membership has ended"))
)]
pub(super) async fn remove_member(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    MemberPath { organization, user }: MemberPath,
) -> Result<StatusCode, Problem> {
    app.broker.remove_member(&call, &organization, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose data key to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateDataKey {
    /// A user's or organization's id, or `system`.
    #[schema(example = "org_069bq1c8m5vk3f5k9t4m2s6g8c")]
    owner: String,
}

/// A key, made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewKey {
    /// Its id.
    key_id: String,
    /// Of a data key: how many values moved under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    resealed: Option<u64>,
}

/// What rewrapping did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rewrapped {
    /// Data keys that were under another root key.
    rewrapped: u64,
}

/// Rotate the signing key
///
/// The new key is published at once and signs a minute later; the others stay published until their last token has run
/// out.
#[utoipa::path(
    post,
    path = "/api/admin/keys/rotate-signing",
    tag = "administration",
    responses((status = 201, description = "The new key", body = NewKey))
)]
pub(super) async fn rotate_signing_key(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
) -> Result<(StatusCode, Json<NewKey>), Problem> {
    let key_id = app.broker.operator_rotates_signing_key(&call).await?.to_string();
    Ok((StatusCode::CREATED, Json(NewKey { key_id, resealed: None })))
}

/// Rotate an owner's data key
///
/// Everything of the owner's moves under the new key. Cut off in the middle, the next call finishes it.
#[utoipa::path(
    post,
    path = "/api/admin/keys/rotate-data",
    tag = "administration",
    request_body = RotateDataKey,
    responses((status = 201, description = "The new key", body = NewKey))
)]
pub(super) async fn rotate_data_key(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    JsonBody(RotateDataKey { owner }): JsonBody<RotateDataKey>,
) -> Result<(StatusCode, Json<NewKey>), Problem> {
    let rotated = app.broker.operator_rotates_data_key(&call, &owner).await?;
    let key = NewKey { key_id: rotated.key_id.to_string(), resealed: Some(rotated.resealed) };
    Ok((StatusCode::CREATED, Json(key)))
}

/// Wrap every data key under the first root key
///
/// Call it after a new root key was put first. When it answers 0, the old root key may go.
#[utoipa::path(
    post,
    path = "/api/admin/keys/rewrap",
    tag = "administration",
    responses((status = 200, description = "Done", body = Rewrapped))
)]
pub(super) async fn rewrap(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
) -> Result<Json<Rewrapped>, Problem> {
    Ok(Json(Rewrapped { rewrapped: app.broker.operator_rewraps(&call).await? }))
}
