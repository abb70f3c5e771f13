//! `GET /api/mcp/me`: who the caller is and what it may borrow.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    broker::leases::types::{OrganizationView, WhoAmI},
    model::id::{OrganizationId, UserId},
};

use super::{
    App,
    caller::Authenticated,
    parameters::{NoQuery, Query},
    problem::Problem,
};

/// Who the caller is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Identity {
    /// The person; null for a client of an organization.
    #[schema(value_type = Option<String>, example = "usr_069bq1c8m5vk3f5k9t4m2s6g8c")]
    user_id: Option<UserId>,
    /// The client, when one calls.
    client_id: Option<String>,
    /// The person's e-mail address.
    email: Option<String>,
    /// The person's or the client's name.
    name: String,
    /// Its organizations, oldest membership first.
    organizations: Vec<Organization>,
    /// Every service that a lease would be granted for.
    #[schema(example = json!(["jira", "notion", "todoist"]))]
    available_services: Vec<String>,
    /// What the token allows.
    #[schema(example = json!(["lease:create", "lease:renew", "service:*"]))]
    token_scopes: Vec<String>,
}

/// An organization, as its member sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnOrganization)]
pub(super) struct Organization {
    #[schema(value_type = String, example = "org_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: OrganizationId,
    name: String,
    /// `owner`, `admin`, `member` or `guest`.
    role: &'static str,
}

/// Who calls, and what it can borrow
#[utoipa::path(
    get,
    path = "/api/mcp/me",
    tag = "identity",
    responses((status = 200, description = "The caller", body = Identity))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    Query(()): NoQuery,
) -> Result<Json<Identity>, Problem> {
    Ok(Json(app.broker.who_am_i(&call).await?.into()))
}

impl From<WhoAmI> for Identity {
    fn from(who: WhoAmI) -> Self {
        let WhoAmI {
            subject,
            owner: _,
            client_id,
            email,
            name,
            organizations,
            available_services,
            token_scopes,
        } = who;
        Self {
            user_id: subject.user_id(),
            client_id,
            email,
            name,
            organizations: organizations.into_iter().map(Organization::from).collect(),
            available_services,
            token_scopes,
        }
    }
}

impl From<OrganizationView> for Organization {
    fn from(view: OrganizationView) -> Self {
        let OrganizationView { id, name, role } = view;
        Self { id, name, role: role.as_str() }
    }
}
