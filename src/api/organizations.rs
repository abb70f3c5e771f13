//! Organizations: `/api/admin/organizations`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::{ListOrganizations, NewOrganization, UpdateOrganization},
        listing::{ListRequest, Listing},
    },
    model::{
        id::OrganizationId,
        instant::Instant,
        organization::{Organization, OrganizationStatus as Status},
    },
};

use super::{read::revision, table};

table! {
    /// Create an organization with its first owner
    create_organization(CreateOrganizationRequest) -> OrganizationView:
        POST "/api/admin/organizations" 201, rpc "OrganizationService/CreateOrganization", Operator AdminWrite, cli "organizations create";
    /// List organizations
    ///
    /// Operators see all, others those that they are owner or admin of. By creation unless `order_by` says `name`; those
    /// that were deleted only when `status` says so.
    list_organizations(ListOrganizationsRequest) -> ListOrganizationsResponse:
        GET "/api/admin/organizations" 200, rpc "OrganizationService/ListOrganizations", Organization AdminRead, cli "organizations list";
    /// Show an organization
    show_organization(GetOrganizationRequest) -> OrganizationView:
        GET "/api/admin/organizations/{organization_id}" 200, rpc "OrganizationService/GetOrganization", Organization AdminRead, cli "organizations show";
    /// Rename an organization, suspend it, or reinstate it
    ///
    /// Only operators suspend and reinstate. Suspended, every lease that rests on the organization's credentials ends at
    /// once, and its own programs are refused; reinstated, none of the leases comes back.
    update_organization(UpdateOrganizationRequest) -> UpdateOrganizationResponse:
        PATCH "/api/admin/organizations/{organization_id}" 200, rpc "OrganizationService/UpdateOrganization", Organization AdminWrite, cli "organizations update";
    /// Delete an organization
    ///
    /// For good: its leases end, its members, programs and invitations go, its credentials are shredded with the key that
    /// sealed them. Its id and name stay, so that the audit can be read.
    delete_organization(DeleteOrganizationRequest) -> DeleteOrganizationResponse:
        DELETE "/api/admin/organizations/{organization_id}" 200, rpc "OrganizationService/DeleteOrganization", Operator AdminWrite, cli "organizations delete";
}

/// An organization to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrganizationRequest {
    /// The name, for people.
    #[schema(example = "Development Team")]
    name: String,
    /// The id of the user who is its first owner.
    #[schema(example = "usr_069bq1c8m5vk3f5k9t4m2s6g8c")]
    owner_id: String,
}

/// Which organization to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOrganizationRequest {
    /// The organization's id.
    organization_id: String,
}

/// Which organizations to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOrganizationsRequest {
    /// Only of this name.
    name: Option<String>,
    /// Only of this status.
    status: Option<OrganizationStatus>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at` or `name`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// What to change of an organization; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateOrganizationRequest {
    /// The organization's id.
    organization_id: String,
    /// The name.
    name: Option<String>,
    /// `active` or `suspended`; for operators.
    status: Option<OrganizationStatus>,
    /// The `etag` that was read: refused when the organization changed since.
    etag: Option<String>,
}

/// Which organization to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteOrganizationRequest {
    /// The organization's id.
    organization_id: String,
    /// The `etag` that was read: refused when the organization changed since.
    etag: Option<String>,
}

/// Whether an organization's credentials can be borrowed.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationStatus {
    /// Yes.
    Active,
    /// No, until it is active again.
    Suspended,
    /// Never again.
    Deleted,
}

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
pub struct OrganizationView {
    /// The id.
    #[schema(value_type = String, example = "org_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: OrganizationId,
    /// The name.
    name: String,
    /// Whether its credentials can be borrowed.
    status: OrganizationStatus,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// For `If-Match`.
    etag: String,
}

/// A page of organizations.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListOrganizationsResponse {
    /// The organizations.
    organizations: Vec<OrganizationView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// An organization after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateOrganizationResponse {
    /// The organization.
    organization: OrganizationView,
    /// For `If-Match`.
    etag: String,
    /// Live leases that the change ended.
    leases_ended: i64,
}

/// What a deletion ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeleteOrganizationResponse {
    /// Live leases that it ended.
    leases_ended: i64,
}

async fn create_organization(
    broker: &Broker,
    call: &Call,
    request: CreateOrganizationRequest,
) -> Result<OrganizationView, Error> {
    let CreateOrganizationRequest { name, owner_id } = request;
    broker.operator_creates_organization(call, NewOrganization { name, owner_id }).await.map(view)
}

async fn list_organizations(
    broker: &Broker,
    call: &Call,
    request: ListOrganizationsRequest,
) -> Result<ListOrganizationsResponse, Error> {
    let ListOrganizationsRequest { name, status, page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    let request = ListOrganizations { name, status: status.map(Into::into), page };
    let Listing { items, next_page_token } =
        broker.administrator_lists_organizations(call, request).await?.map(view);
    Ok(ListOrganizationsResponse { organizations: items, next_page_token })
}

async fn show_organization(
    broker: &Broker,
    call: &Call,
    request: GetOrganizationRequest,
) -> Result<OrganizationView, Error> {
    broker.administrator_shows_organization(call, &request.organization_id).await.map(view)
}

async fn update_organization(
    broker: &Broker,
    call: &Call,
    request: UpdateOrganizationRequest,
) -> Result<UpdateOrganizationResponse, Error> {
    let UpdateOrganizationRequest { organization_id, name, status, etag } = request;
    let revision = revision(etag.as_deref())?;
    let update = UpdateOrganization { name, status: status.map(Into::into), revision };
    let updated = broker.administrator_updates_organization(call, &organization_id, update).await?;
    let organization = view(updated.row);
    let etag = organization.etag.clone();
    Ok(UpdateOrganizationResponse { organization, etag, leases_ended: updated.leases_ended })
}

async fn delete_organization(
    broker: &Broker,
    call: &Call,
    request: DeleteOrganizationRequest,
) -> Result<DeleteOrganizationResponse, Error> {
    let DeleteOrganizationRequest { organization_id, etag } = request;
    let revision = revision(etag.as_deref())?;
    let leases_ended = broker.operator_deletes_organization(call, &organization_id, revision).await?;
    Ok(DeleteOrganizationResponse { leases_ended })
}

fn view(organization: Organization) -> OrganizationView {
    let Organization { id, name, status, epoch: _, revision, created_at } = organization;
    OrganizationView { id, name, status: status.into(), created_at, etag: revision.to_string() }
}

impl From<OrganizationStatus> for Status {
    fn from(status: OrganizationStatus) -> Self {
        match status {
            OrganizationStatus::Active => Self::Active,
            OrganizationStatus::Suspended => Self::Suspended,
            OrganizationStatus::Deleted => Self::Deleted,
        }
    }
}

impl From<Status> for OrganizationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
            Status::Deleted => Self::Deleted,
        }
    }
}
