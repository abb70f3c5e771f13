//! The lease endpoints: each reads the request, calls the broker and writes the answer.

mod answers;
mod details;
mod requests;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::broker::{Violation, leases::types::RenewLease};

use super::{
    App,
    caller::{Authenticated, LeasePath},
    extract::{JsonBody, OptionalJsonBody},
    parameters::{NoQuery, Query},
    problem::Problem,
};

use answers::{Grant, LeaseValues, Renewed, ReportNote, RevocationNote};
use details::{LeaseDetails, LeasePage};
use requests::{CreateBody, ListQuery, RenewBody, RenewQuery, ReportBody, RevokeBody, RevokeQuery};

/// Take a lease
///
/// Lends the credentials of the services asked for: personal ones first, then those that organizations share.
#[utoipa::path(
    post,
    path = "/api/mcp/credentials/lease",
    tag = "leases",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "Makes a repeated request find the first one's lease, for 24 hours; 1 to 255 visible ASCII characters")),
    request_body(content = CreateBody,
        example = json!({"services": ["todoist", "jira"], "ttl": 3600, "server_id": "mcp-server-1"})),
    responses(
        (status = 201, description = "A new lease", body = Grant<'_>,
            headers(("Location" = String, description = "The lease"))),
        (status = 200, description = "A lease that existed before, found by `reuse` or the Idempotency-Key",
            body = Grant<'_>, headers(("Location" = String, description = "The lease"))),
    )
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    Query(()): NoQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<Response, Problem> {
    let request = body.into_request(idempotency_key(&headers)?);
    let grant = app.broker.create_lease(&call, request).await?;
    let status = if grant.reused || grant.replayed { StatusCode::OK } else { StatusCode::CREATED };
    let location = format!("{}/{}", LEASES, grant.lease.id);
    Ok((status, [(header::LOCATION, location)], Json(Grant::of(&grant)?)).into_response())
}

/// List own leases
///
/// Newest first; never a secret.
#[utoipa::path(
    get,
    path = "/api/mcp/credentials/lease",
    tag = "leases",
    params(ListQuery),
    responses((status = 200, description = "A page of leases", body = LeasePage<'_>))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let page = app.broker.list_leases(&call, query.into()).await?;
    Ok(Json(LeasePage::of(&page)).into_response())
}

/// Show a lease
///
/// Never a secret.
#[utoipa::path(
    get,
    path = "/api/mcp/credentials/lease/{id}",
    tag = "leases",
    params(("id" = String, Path, description = "The lease's id")),
    responses((status = 200, description = "The lease", body = LeaseDetails<'_>))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    LeasePath(id): LeasePath,
    Query(()): NoQuery,
) -> Result<Response, Problem> {
    let view = app.broker.show_lease(&call, &id).await?;
    Ok(Json(LeaseDetails::of(&view)).into_response())
}

/// Renew a lease
///
/// To now and its original ttl, never past its greatest lifetime. The answer has the credentials when one was rotated
/// since they were last handed out, or when asked for.
#[utoipa::path(
    post,
    path = "/api/mcp/credentials/lease/{id}/renew",
    tag = "leases",
    params(("id" = String, Path, description = "The lease's id"), RenewQuery),
    request_body(content = Option<RenewBody>, description = "May be left out", example = json!({"ttl": 1800})),
    responses((status = 200, description = "Renewed", body = Renewed<'_>))
)]
pub(super) async fn renew(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    LeasePath(id): LeasePath,
    Query(query): Query<RenewQuery>,
    OptionalJsonBody(body): OptionalJsonBody<RenewBody>,
) -> Result<Response, Problem> {
    let request = RenewLease { ttl: body.ttl, include_credentials: query.include.is_some() };
    let renewed = app.broker.renew_lease(&call, &id, request).await?;
    Ok(Json(Renewed::of(&renewed)?).into_response())
}

/// Read the credentials again
///
/// The current values; costs no renewal.
#[utoipa::path(
    get,
    path = "/api/mcp/credentials/lease/{id}/credentials",
    tag = "leases",
    params(("id" = String, Path, description = "The lease's id")),
    responses((status = 200, description = "The values", body = LeaseValues<'_>))
)]
pub(super) async fn credentials(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    LeasePath(id): LeasePath,
    Query(()): NoQuery,
) -> Result<Response, Problem> {
    let read = app.broker.read_credentials(&call, &id).await?;
    Ok(Json(LeaseValues::of(&read)?).into_response())
}

/// Report that a service refuses what was lent
///
/// For a 401 of the service. The broker asks the service for a new token where it can, at most one for all reports of a
/// version, and answers what to use from now on; with `changed` false there is nothing better. A service that ended the
/// connection, or switched the account off, ends the lease's entitlement: 403.
#[utoipa::path(
    post,
    path = "/api/mcp/credentials/lease/{id}/unauthorized",
    tag = "leases",
    params(("id" = String, Path, description = "The lease's id")),
    request_body(content = ReportBody, example = json!({"service": "tray", "credential_version": 3})),
    responses((status = 200, description = "What to use", body = ReportNote<'_>))
)]
pub(super) async fn report(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    LeasePath(id): LeasePath,
    Query(()): NoQuery,
    JsonBody(body): JsonBody<ReportBody>,
) -> Result<Response, Problem> {
    let reported = app.broker.report_unauthorized(&call, &id, body.into()).await?;
    Ok(Json(ReportNote::of(&reported)?).into_response())
}

/// Revoke a lease
///
/// Idempotent: the first revocation's reason and time stand.
#[utoipa::path(
    delete,
    path = "/api/mcp/credentials/lease/{id}",
    tag = "leases",
    params(("id" = String, Path, description = "The lease's id"), RevokeQuery),
    request_body(content = Option<RevokeBody>, description = "May be left out, or stand in the query",
        example = json!({"reason": "Server shutdown"})),
    responses((status = 200, description = "Revoked", body = RevocationNote))
)]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Authenticated(call): Authenticated,
    LeasePath(id): LeasePath,
    Query(query): Query<RevokeQuery>,
    OptionalJsonBody(body): OptionalJsonBody<RevokeBody>,
) -> Result<Json<RevocationNote>, Problem> {
    let revoked = app.broker.revoke_lease(&call, &id, body.reason(query)?).await?;
    Ok(Json(RevocationNote::of(&revoked)))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let refused = |reason| Problem::invalid(vec![Violation::new(IDEMPOTENCY_KEY, reason)]);
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused("is given more than once"));
    }
    let key = value.to_str().map_err(|_| refused("must be 1 to 255 visible ASCII characters"))?;
    Ok(Some(key.to_owned()))
}

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

const LEASES: &str = "/api/mcp/credentials/lease";
