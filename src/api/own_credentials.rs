//! A person's own credentials: `/api/credentials`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::broker::{
    Broker, Call, Error,
    credentials::{Deposit, NewValue, UpdateCredential},
    listing::{ListRequest, Listing},
};

use super::{
    credential_views::{CredentialValidation, CredentialView, deposited, validation, view},
    credentials::{self, DeleteCredentialResponse, ListCredentialsResponse, UpdateCredentialResponse},
    read::{parsed, revision},
    table,
};

table! {
    /// Deposit a credential of one's own
    ///
    /// The fields are those of the service's description.
    create_own_credential(CreateOwnCredentialRequest) -> CredentialView:
        POST "/api/credentials" 201, rpc "OwnCredentialService/CreateOwnCredential", Own CredentialWrite,
        cli "credentials create";
    /// List one's own credentials
    ///
    /// Never values. By deposit unless `order_by` says `service`.
    list_own_credentials(ListOwnCredentialsRequest) -> ListCredentialsResponse:
        GET "/api/credentials" 200, rpc "OwnCredentialService/ListOwnCredentials", Own CredentialWrite,
        cli "credentials list";
    /// Show a credential of one's own
    ///
    /// With the values of those fields that are no secrets.
    show_own_credential(GetOwnCredentialRequest) -> GetOwnCredentialResponse:
        GET "/api/credentials/{id}" 200, rpc "OwnCredentialService/GetOwnCredential", Own CredentialWrite,
        cli "credentials show";
    /// Change a credential of one's own
    ///
    /// Whether it can be borrowed, and whether the bare service name means it.
    update_own_credential(UpdateOwnCredentialRequest) -> UpdateCredentialResponse:
        PATCH "/api/credentials/{id}" 200, rpc "OwnCredentialService/UpdateOwnCredential", Own CredentialWrite,
        cli "credentials update";
    /// Give a credential of one's own a new value
    ///
    /// A new version of all its fields. Leases go on; they get the new value at their next renewal.
    rotate_own_credential(RotateOwnCredentialRequest) -> CredentialView:
        POST "/api/credentials/{id}/rotate" 200, rpc "OwnCredentialService/RotateOwnCredential", Own CredentialWrite,
        cli "credentials rotate";
    /// Try a credential of one's own at its service
    ///
    /// Asks the service with the stored value. Nothing is changed; the audit keeps that it was tried, and what came of it.
    validate_own_credential(ValidateOwnCredentialRequest) -> CredentialValidation:
        POST "/api/credentials/{id}/validate" 200, rpc "OwnCredentialService/ValidateOwnCredential", Own CredentialWrite,
        cli "credentials validate";
    /// Delete a credential of one's own
    ///
    /// Leases that rest on it end at once.
    delete_own_credential(DeleteOwnCredentialRequest) -> DeleteCredentialResponse:
        DELETE "/api/credentials/{id}" 200, rpc "OwnCredentialService/DeleteOwnCredential", Own CredentialWrite,
        cli "credentials delete";
}

/// A credential to deposit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOwnCredentialRequest {
    /// A service of the catalog.
    #[schema(example = "todoist")]
    service: String,
    /// Which account there; `default` unless told.
    account: Option<String>,
    /// The value, field by field, as the service's description has them.
    #[schema(schema_with = credentials::secret_fields)]
    fields: Map<String, Value>,
    /// When the value runs out by itself, where that is known.
    #[schema(format = "date-time")]
    expires_at: Option<String>,
    /// True: it is tried at its service first, and refused when the service refuses it.
    validate: Option<bool>,
}

/// Which credential to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOwnCredentialRequest {
    /// The credential's id.
    id: String,
}

/// Which credentials to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOwnCredentialsRequest {
    /// Only for this service.
    service: Option<String>,
    /// Only those of this status.
    status: Option<String>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at` or `service`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// What to change of a credential; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateOwnCredentialRequest {
    /// The credential's id.
    id: String,
    /// `active`, or `inactive`: it cannot be borrowed, and leases that rest on it end.
    status: Option<String>,
    /// True: the bare service name means this account, and no other.
    primary: Option<bool>,
    /// The `etag` that was read: refused when the credential changed since.
    etag: Option<String>,
}

/// A new value of a credential.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateOwnCredentialRequest {
    /// The credential's id.
    id: String,
    /// The value, all of its fields.
    #[schema(schema_with = credentials::secret_fields)]
    fields: Map<String, Value>,
    /// When it runs out by itself, where that is known.
    #[schema(format = "date-time")]
    expires_at: Option<String>,
    /// The `etag` that was read: refused when the credential changed since.
    etag: Option<String>,
    /// True: it is tried at its service first, and refused when the service refuses it.
    validate: Option<bool>,
}

/// Which credential to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateOwnCredentialRequest {
    /// The credential's id.
    id: String,
}

/// Which credential to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteOwnCredentialRequest {
    /// The credential's id.
    id: String,
    /// The `etag` that was read: refused when the credential changed since.
    etag: Option<String>,
}

/// A credential of one's own.
#[derive(Serialize, ToSchema)]
pub struct GetOwnCredentialResponse {
    /// The credential.
    credential: CredentialView,
    /// The values of those fields that are no secrets.
    #[schema(value_type = Object)]
    values: Map<String, Value>,
    /// For `If-Match`.
    etag: String,
}

async fn create_own_credential(
    broker: &Broker,
    call: &Call,
    request: CreateOwnCredentialRequest,
) -> Result<CredentialView, Error> {
    let CreateOwnCredentialRequest { service, account, fields, expires_at, validate } = request;
    let expires_at = parsed("expires_at", expires_at.as_deref())?;
    let validate = validate.unwrap_or_default();
    let deposit = Deposit { service, account, fields, expires_at, sharing: None, reason: None, validate };
    broker.deposit_own_credential(call, deposit).await.map(deposited)
}

async fn list_own_credentials(
    broker: &Broker,
    call: &Call,
    request: ListOwnCredentialsRequest,
) -> Result<ListCredentialsResponse, Error> {
    let ListOwnCredentialsRequest { service, status, page_size, page_token, order_by } = request;
    let service = parsed("service", service.as_deref())?;
    let status = parsed("status", status.as_deref())?;
    let page = ListRequest { page_size, page_token, order_by };
    let Listing { items, next_page_token } =
        broker.list_own_credentials(call, service, status, &page).await?.map(view);
    Ok(ListCredentialsResponse { credentials: items, next_page_token })
}

async fn show_own_credential(
    broker: &Broker,
    call: &Call,
    request: GetOwnCredentialRequest,
) -> Result<GetOwnCredentialResponse, Error> {
    let own = broker.show_own_credential(call, &request.id).await?;
    let credential = view(own.credential);
    Ok(GetOwnCredentialResponse { etag: credential.etag.clone(), credential, values: own.values })
}

async fn update_own_credential(
    broker: &Broker,
    call: &Call,
    request: UpdateOwnCredentialRequest,
) -> Result<UpdateCredentialResponse, Error> {
    let UpdateOwnCredentialRequest { id, status, primary, etag } = request;
    let status = parsed("status", status.as_deref())?;
    let revision = revision(etag.as_deref())?;
    let update = UpdateCredential { status, primary, revision, ..UpdateCredential::default() };
    let updated = broker.update_own_credential(call, &id, update).await?;
    let credential = view(updated.row);
    let (etag, leases_ended) = (credential.etag.clone(), updated.leases_ended);
    Ok(UpdateCredentialResponse { credential, etag, leases_ended })
}

async fn rotate_own_credential(
    broker: &Broker,
    call: &Call,
    request: RotateOwnCredentialRequest,
) -> Result<CredentialView, Error> {
    let RotateOwnCredentialRequest { id, fields, expires_at, etag, validate } = request;
    let expires_at = parsed("expires_at", expires_at.as_deref())?;
    let (revision, validate) = (revision(etag.as_deref())?, validate.unwrap_or_default());
    let value = NewValue { fields, expires_at, revision, reason: None, validate };
    broker.rotate_own_credential(call, &id, value).await.map(deposited)
}

async fn validate_own_credential(
    broker: &Broker,
    call: &Call,
    request: ValidateOwnCredentialRequest,
) -> Result<CredentialValidation, Error> {
    broker.validate_own_credential(call, &request.id).await.map(|verdict| validation(&verdict))
}

async fn delete_own_credential(
    broker: &Broker,
    call: &Call,
    request: DeleteOwnCredentialRequest,
) -> Result<DeleteCredentialResponse, Error> {
    let DeleteOwnCredentialRequest { id, etag } = request;
    let leases_ended = broker.delete_own_credential(call, &id, revision(etag.as_deref())?).await?;
    Ok(DeleteCredentialResponse { leases_ended })
}
