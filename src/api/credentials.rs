//! Credentials: `/api/admin/credentials`, for organizations' administrators and operators.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::broker::{
    Broker, Call, Error,
    admin::ListCredentials,
    credentials::{Deposit, NewValue, UpdateCredential},
    listing::{ListRequest, Listing},
};

use super::{
    credential_views::{CredentialValidation, CredentialView, deposited, validation, view},
    read::{parsed, revision},
    table,
};

table! {
    /// Deposit a credential
    ///
    /// For an organization that the caller administers; operators also for a person, with a reason that the audit keeps.
    /// The fields are those of the service's description. No administrator gets a value back.
    create_credential(CreateCredentialRequest) -> CredentialView:
        POST "/api/admin/credentials" 201, rpc "CredentialService/CreateCredential", Organization AdminWrite,
        cli "credentials create";
    /// List credentials
    ///
    /// Never values. Whoever is no operator names the owner. By deposit unless `order_by` says `service`.
    list_credentials(ListCredentialsRequest) -> ListCredentialsResponse:
        GET "/api/admin/credentials" 200, rpc "CredentialService/ListCredentials", Organization AdminRead,
        cli "credentials list";
    /// Show a credential
    ///
    /// Never its value.
    show_credential(GetCredentialRequest) -> CredentialView:
        GET "/api/admin/credentials/{id}" 200, rpc "CredentialService/GetCredential", Organization AdminRead,
        cli "credentials show";
    /// Change a credential
    ///
    /// Who may borrow it, whether anybody may, and whether the bare service name means it. Leases that lose their
    /// entitlement by it end at once.
    update_credential(UpdateCredentialRequest) -> UpdateCredentialResponse:
        PATCH "/api/admin/credentials/{id}" 200, rpc "CredentialService/UpdateCredential", Organization AdminWrite,
        cli "credentials update";
    /// Give a credential a new value
    ///
    /// A new version of all its fields. Leases go on; they get the new value at their next renewal.
    rotate_credential(RotateCredentialRequest) -> CredentialView:
        POST "/api/admin/credentials/{id}/rotate" 200, rpc "CredentialService/RotateCredential", Organization AdminWrite,
        cli "credentials rotate";
    /// Try a credential at its service
    ///
    /// Asks the service with the stored value. Nothing is changed; the audit keeps that it was tried, and what came of it.
    validate_credential(ValidateCredentialRequest) -> CredentialValidation:
        POST "/api/admin/credentials/{id}/validate" 200, rpc "CredentialService/ValidateCredential",
        Organization AdminWrite, cli "credentials validate";
    /// Delete a credential
    ///
    /// Leases that rest on it end at once.
    delete_credential(DeleteCredentialRequest) -> DeleteCredentialResponse:
        DELETE "/api/admin/credentials/{id}" 200, rpc "CredentialService/DeleteCredential", Organization AdminWrite,
        cli "credentials delete";
}

/// A credential to deposit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCredentialRequest {
    /// Whose it shall be: an organization's id, or a person's.
    #[schema(example = "org_069bq1c8m5vk3f5k9t4m2s6g8c")]
    owner: String,
    /// A service of the catalog.
    #[schema(example = "jira")]
    service: String,
    /// Which account there; `default` unless told.
    #[schema(example = "dev-team.atlassian.net")]
    account: Option<String>,
    /// The value, field by field, as the service's description has them.
    #[schema(schema_with = secret_fields)]
    fields: Map<String, Value>,
    /// Who may borrow an organization's: `all_members`, `admins_only`, `user:<id>`. Required there, and only there.
    #[schema(example = json!(["all_members"]))]
    sharing: Option<Vec<String>>,
    /// When the value runs out by itself, where that is known.
    #[schema(format = "date-time")]
    expires_at: Option<String>,
    /// Why; required when the owner is a person.
    reason: Option<String>,
    /// True: it is tried at its service first, and refused when the service refuses it.
    validate: Option<bool>,
}

/// Which credential to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetCredentialRequest {
    /// The credential's id.
    id: String,
}

/// Which credentials to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCredentialsRequest {
    /// Only of this owner; operators may leave it out.
    owner: Option<String>,
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
pub struct UpdateCredentialRequest {
    /// The credential's id.
    id: String,
    /// Who may borrow an organization's.
    sharing: Option<Vec<String>>,
    /// `active`, or `inactive`: nobody borrows it, and leases that rest on it end.
    status: Option<String>,
    /// True: the bare service name means this account, and no other.
    primary: Option<bool>,
    /// The `etag` that was read: refused when the credential changed since.
    etag: Option<String>,
    /// Why; required when the owner is a person.
    reason: Option<String>,
}

/// A new value of a credential.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateCredentialRequest {
    /// The credential's id.
    id: String,
    /// The value, all of its fields.
    #[schema(schema_with = secret_fields)]
    fields: Map<String, Value>,
    /// When it runs out by itself, where that is known.
    #[schema(format = "date-time")]
    expires_at: Option<String>,
    /// The `etag` that was read: refused when the credential changed since.
    etag: Option<String>,
    /// Why; required when the owner is a person.
    reason: Option<String>,
    /// True: it is tried at its service first, and refused when the service refuses it.
    validate: Option<bool>,
}

/// Which credential to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateCredentialRequest {
    /// The credential's id.
    id: String,
    /// Why; required when the owner is a person.
    reason: Option<String>,
}

/// Which credential to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteCredentialRequest {
    /// The credential's id.
    id: String,
    /// The `etag` that was read: refused when the credential changed since.
    etag: Option<String>,
    /// Why; required when the owner is a person.
    reason: Option<String>,
}

/// A page of credentials.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListCredentialsResponse {
    /// The credentials.
    pub(super) credentials: Vec<CredentialView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_page_token: Option<String>,
}

/// A credential after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateCredentialResponse {
    /// The credential.
    pub(super) credential: CredentialView,
    /// For `If-Match`.
    pub(super) etag: String,
    /// Live leases that the change ended.
    pub(super) leases_ended: i64,
}

/// What the deletion did.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeleteCredentialResponse {
    /// Live leases that it ended.
    pub(super) leases_ended: i64,
}

/// The schema of a value: an object that is sent and never shown again.
pub(super) fn secret_fields() -> Object {
    let object = ObjectBuilder::new().schema_type(Type::Object).write_only(true);
    object.description(Some("The value, all of its fields, as the service's description has them.")).build()
}

async fn create_credential(
    broker: &Broker,
    call: &Call,
    request: CreateCredentialRequest,
) -> Result<CredentialView, Error> {
    let CreateCredentialRequest { owner, service, account, fields, sharing, expires_at, reason, validate } =
        request;
    let expires_at = parsed("expires_at", expires_at.as_deref())?;
    let validate = validate.unwrap_or_default();
    let deposit = Deposit { service, account, fields, sharing, expires_at, reason, validate };
    broker.administrator_deposits_credential(call, &owner, deposit).await.map(deposited)
}

async fn list_credentials(
    broker: &Broker,
    call: &Call,
    request: ListCredentialsRequest,
) -> Result<ListCredentialsResponse, Error> {
    let ListCredentialsRequest { owner, service, status, page_size, page_token, order_by } = request;
    let service = parsed("service", service.as_deref())?;
    let status = parsed("status", status.as_deref())?;
    let page = ListRequest { page_size, page_token, order_by };
    let wanted = ListCredentials { owner, service, status, page };
    let Listing { items, next_page_token } =
        broker.administrator_lists_credentials(call, wanted).await?.map(view);
    Ok(ListCredentialsResponse { credentials: items, next_page_token })
}

async fn show_credential(
    broker: &Broker,
    call: &Call,
    request: GetCredentialRequest,
) -> Result<CredentialView, Error> {
    broker.administrator_shows_credential(call, &request.id).await.map(view)
}

async fn update_credential(
    broker: &Broker,
    call: &Call,
    request: UpdateCredentialRequest,
) -> Result<UpdateCredentialResponse, Error> {
    let UpdateCredentialRequest { id, sharing, status, primary, etag, reason } = request;
    let status = parsed("status", status.as_deref())?;
    let update = UpdateCredential { sharing, status, primary, revision: revision(etag.as_deref())?, reason };
    let updated = broker.administrator_updates_credential(call, &id, update).await?;
    let credential = view(updated.row);
    let (etag, leases_ended) = (credential.etag.clone(), updated.leases_ended);
    Ok(UpdateCredentialResponse { credential, etag, leases_ended })
}

async fn rotate_credential(
    broker: &Broker,
    call: &Call,
    request: RotateCredentialRequest,
) -> Result<CredentialView, Error> {
    let RotateCredentialRequest { id, fields, expires_at, etag, reason, validate } = request;
    let expires_at = parsed("expires_at", expires_at.as_deref())?;
    let (revision, validate) = (revision(etag.as_deref())?, validate.unwrap_or_default());
    let value = NewValue { fields, expires_at, revision, reason, validate };
    broker.administrator_rotates_credential(call, &id, value).await.map(deposited)
}

async fn validate_credential(
    broker: &Broker,
    call: &Call,
    request: ValidateCredentialRequest,
) -> Result<CredentialValidation, Error> {
    let ValidateCredentialRequest { id, reason } = request;
    broker.administrator_validates_credential(call, &id, reason).await.map(|verdict| validation(&verdict))
}

async fn delete_credential(
    broker: &Broker,
    call: &Call,
    request: DeleteCredentialRequest,
) -> Result<DeleteCredentialResponse, Error> {
    let DeleteCredentialRequest { id, etag, reason } = request;
    let revision = revision(etag.as_deref())?;
    let leases_ended = broker.administrator_deletes_credential(call, &id, revision, reason).await?;
    Ok(DeleteCredentialResponse { leases_ended })
}
