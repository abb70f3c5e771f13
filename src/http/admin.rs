//! `/api/admin/…`: what operators do.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use super::{
    App,
    caller::{Authenticated, MemberPath},
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
