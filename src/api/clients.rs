//! OAuth clients: `/api/admin/clients`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::{ListClients, RegisterClient, RotateSecret, ShownClient, UpdateClient},
        listing::{ListRequest, Listing},
    },
    model::{client::SecretAge, id::ClientId, instant::Instant, secret::SecretText},
};

use super::{
    read::{parsed, revision},
    table,
};

table! {
    /// Register a client
    ///
    /// Its secret is answered this once. Its scopes lie within the caller's, its role is not above the caller's; an
    /// operator may give more to clients of organizations and persons. One of a person or of the broker itself takes
    /// `admin:tokens` too.
    create_client(CreateClientRequest) -> ClientSecretResponse:
        POST "/api/admin/clients" 201, rpc "ClientService/CreateClient", Organization AdminWrite, cli "clients create";
    /// List clients
    ///
    /// Whoever is no operator names the owner. By creation unless `order_by` says `name`.
    list_clients(ListClientsRequest) -> ListClientsResponse:
        GET "/api/admin/clients" 200, rpc "ClientService/ListClients", Organization AdminRead, cli "clients list";
    /// Show a client
    show_client(GetClientRequest) -> ClientView:
        GET "/api/admin/clients/{id}" 200, rpc "ClientService/GetClient", Organization AdminRead, cli "clients show";
    /// Change a client
    ///
    /// Switched off, its tokens are refused and all its leases end at once; switched on again, none of them comes back.
    /// With other scopes or another role its tokens are refused, and it gets new ones.
    update_client(UpdateClientRequest) -> UpdateClientResponse:
        PATCH "/api/admin/clients/{id}" 200, rpc "ClientService/UpdateClient", Organization AdminWrite,
        cli "clients update";
    /// Give a client a new secret
    ///
    /// Answered this once. The secrets before stay good for the overlap.
    rotate_client_secret(RotateClientSecretRequest) -> ClientSecretResponse:
        POST "/api/admin/clients/{id}/rotate-secret" 200, rpc "ClientService/RotateClientSecret",
        Organization AdminWrite, cli "clients rotate-secret";
    /// Delete a client
    ///
    /// Its tokens are refused and all its leases end at once.
    delete_client(DeleteClientRequest) -> DeleteClientResponse:
        DELETE "/api/admin/clients/{id}" 200, rpc "ClientService/DeleteClient", Organization AdminWrite,
        cli "clients delete";
}

/// A client to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateClientRequest {
    /// Whom it acts for: an organization's id, a person's, or `system`.
    owner: String,
    /// Its name, for people.
    #[schema(example = "Nightly sync")]
    name: String,
    /// The role it acts with in its organization: `guest`, `member`, `admin` or `owner`. Required there, and only there.
    role: Option<String>,
    /// The most its tokens may carry, and what they carry when a request names no scope.
    #[schema(example = json!(["lease:create", "lease:renew", "service:jira"]))]
    scopes: Vec<String>,
    /// Why; required when the owner is a person.
    reason: Option<String>,
}

/// Which client to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetClientRequest {
    /// The client's id.
    id: String,
}

/// Which clients to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListClientsRequest {
    /// Only of this owner; operators may leave it out.
    owner: Option<String>,
    /// Only those that are, or are not, active.
    active: Option<bool>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at` or `name`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// What to change of a client; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateClientRequest {
    /// The client's id.
    id: String,
    /// Its name.
    name: Option<String>,
    /// The most its tokens may carry.
    scopes: Option<Vec<String>>,
    /// The role of an organization's client.
    role: Option<String>,
    /// Whether its tokens and leases hold.
    active: Option<bool>,
    /// The `etag` that was read: refused when the client changed since.
    etag: Option<String>,
    /// Why; required when the owner is a person.
    reason: Option<String>,
}

/// Which client gets a new secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateClientSecretRequest {
    /// The client's id.
    id: String,
    /// How long the present secrets stay good: 0 to 2,592,000, a day unless told.
    #[schema(example = 86400)]
    overlap_seconds: Option<i64>,
    /// The `etag` that was read: refused when the client changed since.
    etag: Option<String>,
    /// Why; required when the owner is a person.
    reason: Option<String>,
}

/// Which client to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteClientRequest {
    /// The client's id.
    id: String,
    /// The `etag` that was read: refused when the client changed since.
    etag: Option<String>,
    /// Why; required when the owner is a person.
    reason: Option<String>,
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client)]
pub struct ClientView {
    /// The id, the `client_id` of OAuth.
    #[schema(value_type = String, example = "cli_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: ClientId,
    /// Whom it acts for.
    owner: String,
    /// Its name.
    name: String,
    /// The role of an organization's client.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// The most its tokens may carry.
    scopes: Vec<String>,
    /// Whether its tokens and leases hold.
    active: bool,
    /// How old its secrets are; the present one first.
    secrets: Vec<SecretAgeView>,
    /// When it was registered.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// For `If-Match`.
    etag: String,
}

/// One of a client's secrets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientSecretAge)]
pub struct SecretAgeView {
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// When it runs out; left out for the present one.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
}

/// A page of clients.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListClientsResponse {
    /// The clients.
    clients: Vec<ClientView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A client and its new secret.
#[derive(Serialize, ToSchema)]
pub struct ClientSecretResponse {
    /// The client.
    client: ClientView,
    /// Its secret, shown this once.
    client_secret: String,
    /// For `If-Match`.
    etag: String,
}

/// A client after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateClientResponse {
    /// The client.
    client: ClientView,
    /// For `If-Match`.
    etag: String,
    /// Live leases that the change ended.
    leases_ended: i64,
}

/// What the deletion did.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeleteClientResponse {
    /// Live leases that it ended.
    leases_ended: i64,
}

async fn create_client(
    broker: &Broker,
    call: &Call,
    request: CreateClientRequest,
) -> Result<ClientSecretResponse, Error> {
    let CreateClientRequest { owner, name, role, scopes, reason } = request;
    let role = parsed("role", role.as_deref())?;
    let new = RegisterClient { owner, name, role, scopes, reason };
    broker.administrator_registers_client(call, new).await.map(with_secret)
}

async fn list_clients(
    broker: &Broker,
    call: &Call,
    request: ListClientsRequest,
) -> Result<ListClientsResponse, Error> {
    let ListClientsRequest { owner, active, page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    let wanted = ListClients { owner, active, page };
    let Listing { items, next_page_token } =
        broker.administrator_lists_clients(call, wanted).await?.map(view);
    Ok(ListClientsResponse { clients: items, next_page_token })
}

async fn show_client(broker: &Broker, call: &Call, request: GetClientRequest) -> Result<ClientView, Error> {
    broker.administrator_shows_client(call, &request.id).await.map(view)
}

async fn update_client(
    broker: &Broker,
    call: &Call,
    request: UpdateClientRequest,
) -> Result<UpdateClientResponse, Error> {
    let UpdateClientRequest { id, name, scopes, role, active, etag, reason } = request;
    let role = parsed("role", role.as_deref())?;
    let revision = revision(etag.as_deref())?;
    let update = UpdateClient { name, scopes, role, active, revision, reason };
    let updated = broker.administrator_updates_client(call, &id, update).await?;
    let client = view(updated.row);
    Ok(UpdateClientResponse { etag: client.etag.clone(), client, leases_ended: updated.leases_ended })
}

async fn rotate_client_secret(
    broker: &Broker,
    call: &Call,
    request: RotateClientSecretRequest,
) -> Result<ClientSecretResponse, Error> {
    let RotateClientSecretRequest { id, overlap_seconds, etag, reason } = request;
    let rotate = RotateSecret { overlap_seconds, revision: revision(etag.as_deref())?, reason };
    broker.administrator_rotates_secret(call, &id, rotate).await.map(with_secret)
}

async fn delete_client(
    broker: &Broker,
    call: &Call,
    request: DeleteClientRequest,
) -> Result<DeleteClientResponse, Error> {
    let DeleteClientRequest { id, etag, reason } = request;
    let revision = revision(etag.as_deref())?;
    let leases_ended = broker.administrator_deletes_client(call, &id, revision, reason).await?;
    Ok(DeleteClientResponse { leases_ended })
}

fn with_secret((shown, secret): (ShownClient, SecretText)) -> ClientSecretResponse {
    let client = view(shown);
    ClientSecretResponse { etag: client.etag.clone(), client, client_secret: secret.expose().to_owned() }
}

fn view(shown: ShownClient) -> ClientView {
    let ShownClient { client, secrets } = shown;
    let age = |SecretAge { created_at, expires_at }| SecretAgeView { created_at, expires_at };
    ClientView {
        id: client.id,
        owner: client.owner.to_string(),
        name: client.name,
        role: client.role.map(|role| role.to_string()),
        scopes: client.scopes.iter().map(|scope| scope.to_string()).collect(),
        active: client.active,
        secrets: secrets.into_iter().map(age).collect(),
        created_at: client.created_at,
        etag: client.revision.to_string(),
    }
}
