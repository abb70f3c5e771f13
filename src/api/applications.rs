//! Applications: `/api/admin/applications`, what services know the broker by.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{Broker, Call, Error, applications::NewApplication},
    model::{application::Application, instant::Instant, secret::SecretText},
};

use super::table;

table! {
    /// Register an application
    ///
    /// An OAuth client that the service gave out, whose redirect address there is the broker's `/connect/callback`. The
    /// broker's own (`owner` = `system`) connects everybody's accounts; an organization may have one for its own. An
    /// application that is there gets the new id and secret.
    put_application(PutApplicationRequest) -> ApplicationView:
        POST "/api/admin/applications" 200, rpc "ApplicationService/PutApplication", Organization AdminWrite,
        cli "applications put";
    /// List applications
    ///
    /// Never secrets. Whoever is no operator names the owner.
    list_applications(ListApplicationsRequest) -> ListApplicationsResponse:
        GET "/api/admin/applications" 200, rpc "ApplicationService/ListApplications", Organization AdminRead,
        cli "applications list";
    /// Forget an application
    ///
    /// Accounts that were connected by it are refreshed no more.
    delete_application(DeleteApplicationRequest) -> DeleteApplicationResponse:
        DELETE "/api/admin/applications/{owner}/{service}" 200, rpc "ApplicationService/DeleteApplication",
        Organization AdminWrite, cli "applications delete";
}

/// An application to register. No `Debug`: it holds a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutApplicationRequest {
    /// `system`, or an organization's id.
    #[schema(example = "system")]
    owner: String,
    /// A service whose accounts are connected.
    #[schema(example = "tray")]
    service: String,
    /// The client's id, as the service gave it out; Tray's consumer key.
    client_id: String,
    /// The client's secret, as the service gave it out; Tray's consumer secret.
    #[schema(write_only, format = Password)]
    client_secret: String,
}

/// Which applications to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListApplicationsRequest {
    /// Only of this owner; operators may leave it out.
    owner: Option<String>,
}

/// Which application to forget.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteApplicationRequest {
    /// `system`, or an organization's id.
    owner: String,
    /// Its service.
    service: String,
}

/// An application, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Application)]
pub struct ApplicationView {
    /// `system`, or an organization's id.
    owner: String,
    /// Its service.
    service: String,
    /// The client's id at the service.
    client_id: String,
    /// Rises with each change.
    version: i64,
    /// When it was registered.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
}

/// The applications.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListApplicationsResponse {
    /// By service.
    applications: Vec<ApplicationView>,
}

/// It is forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeleteApplicationResponse {}

async fn put_application(
    broker: &Broker,
    call: &Call,
    request: PutApplicationRequest,
) -> Result<ApplicationView, Error> {
    let PutApplicationRequest { owner, service, client_id, client_secret } = request;
    let client_secret = SecretText::new(client_secret);
    let new = NewApplication { owner, service, client_id, client_secret };
    broker.administrator_puts_application(call, new).await.map(view)
}

async fn list_applications(
    broker: &Broker,
    call: &Call,
    request: ListApplicationsRequest,
) -> Result<ListApplicationsResponse, Error> {
    let found = broker.administrator_lists_applications(call, request.owner.as_deref()).await?;
    Ok(ListApplicationsResponse { applications: found.into_iter().map(view).collect() })
}

async fn delete_application(
    broker: &Broker,
    call: &Call,
    request: DeleteApplicationRequest,
) -> Result<DeleteApplicationResponse, Error> {
    broker.administrator_deletes_application(call, &request.owner, &request.service).await?;
    Ok(DeleteApplicationResponse {})
}

fn view(application: Application) -> ApplicationView {
    let Application { owner, service, client_id, version, created_at, sealed: _ } = application;
    ApplicationView { owner: owner.to_string(), service: service.to_string(), client_id, version, created_at }
}
