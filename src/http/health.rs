//! Health and metrics. None of them waits for a sweep, a scan or anything upstream.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    broker::{Code, Error},
    wire::statuses,
};

use super::{App, problem::Problem};

/// A server that answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, or `ready`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The broker's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Whether the process answers
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    responses((status = 200, description = "It does", body = Health))
)]
pub(super) async fn health() -> Json<Health> {
    Health::saying("ok")
}

/// Whether the process lives
#[utoipa::path(
    get,
    path = "/livez",
    tag = "operation",
    responses((status = 200, description = "It does", body = Health))
)]
pub(super) async fn livez() -> Json<Health> {
    Health::saying("ok")
}

/// Whether calls can be served
///
/// The database answers and the keys are open.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses((status = 200, description = "They can", body = Health))
)]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    app.broker.is_ready().await.map_err(|error| {
        // Whatever the reason, the answer is 503: send nothing here for a while.
        let (status, _) = statuses(error.code);
        let code = if status == StatusCode::SERVICE_UNAVAILABLE { error.code } else { Code::Unavailable };
        Error { code, ..error }
    })?;
    Ok(Health::saying("ready"))
}

/// The metrics, as Prometheus reads them
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"))
)]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics.queue_depth(app.broker.queue_depth());
    let text = app.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

impl Health {
    const fn saying(status: &'static str) -> Json<Self> {
        Json(Self { status, version: env!("CARGO_PKG_VERSION") })
    }
}
