//! Memberships: `/api/admin/organizations/{organization_id}/members`, and a person's own at `/api/memberships`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::ListMembers,
        listing::{ListRequest, Listing},
    },
    model::{
        id::{OrganizationId, UserId},
        instant::Instant,
        organization::{Member, Role},
    },
};

use super::{read::revision, table};

table! {
    /// Make a user a member
    ///
    /// For a user whose id is known; anybody else is invited. A role up to the caller's own.
    add_member(AddMemberRequest) -> MemberView:
        POST "/api/admin/organizations/{organization_id}/members" 201, rpc "MembershipService/AddMember", Organization AdminWrite, cli "members add";
    /// List an organization's members
    ///
    /// By the beginning of the membership unless `order_by` says `email` or `name`.
    list_members(ListMembersRequest) -> ListMembersResponse:
        GET "/api/admin/organizations/{organization_id}/members" 200, rpc "MembershipService/ListMembers", Organization AdminRead, cli "members list";
    /// Show a membership
    show_member(GetMemberRequest) -> MemberView:
        GET "/api/admin/organizations/{organization_id}/members/{user_id}" 200, rpc "MembershipService/GetMember", Organization AdminRead, cli "members show";
    /// Change a member's role
    ///
    /// Neither the old nor the new role may be above the caller's own. Demoted, the leases that rest on what is shared
    /// with the old role alone end at once. An organization keeps at least one owner.
    update_member(UpdateMemberRequest) -> UpdateMemberResponse:
        PATCH "/api/admin/organizations/{organization_id}/members/{user_id}" 200, rpc "MembershipService/UpdateMember", Organization AdminWrite, cli "members update";
    /// End a membership
    ///
    /// At once effective: every lease of the person that rests on the organization's credentials is refused at its next
    /// use. An organization keeps at least one owner.
    remove_member(RemoveMemberRequest) -> RemoveMemberResponse:
        DELETE "/api/admin/organizations/{organization_id}/members/{user_id}" 200, rpc "MembershipService/RemoveMember", Organization AdminWrite, cli "members remove";
    /// List a user's memberships
    list_user_memberships(ListUserMembershipsRequest) -> ListMembersResponse:
        GET "/api/admin/users/{user_id}/memberships" 200, rpc "MembershipService/ListUserMemberships", Operator AdminRead, cli "users memberships";
    /// List one's own memberships
    list_own_memberships(ListOwnMembershipsRequest) -> ListMembersResponse:
        GET "/api/memberships" 200, rpc "MembershipService/ListOwnMemberships", Own LeaseRead, cli "memberships list";
    /// Leave an organization
    ///
    /// Whatever the role, except as the only owner.
    leave_organization(LeaveOrganizationRequest) -> RemoveMemberResponse:
        DELETE "/api/memberships/{organization_id}" 200, rpc "MembershipService/LeaveOrganization", Own CredentialWrite, cli "memberships leave";
}

/// Whom to make a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMemberRequest {
    /// The organization's id.
    organization_id: String,
    /// The user's id.
    #[schema(example = "usr_069bq1c8m5vk3f5k9t4m2s6g8c")]
    user_id: String,
    /// The role.
    role: OrganizationRole,
}

/// Which members to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMembersRequest {
    /// The organization's id.
    organization_id: String,
    /// Only of this role.
    role: Option<OrganizationRole>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at`, `email` or `name`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// Which membership to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetMemberRequest {
    /// The organization's id.
    organization_id: String,
    /// The user's id.
    user_id: String,
}

/// What to change of a membership.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMemberRequest {
    /// The organization's id.
    organization_id: String,
    /// The user's id.
    user_id: String,
    /// The new role.
    role: OrganizationRole,
    /// The `etag` that was read: refused when the membership changed since.
    etag: Option<String>,
}

/// Which membership to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMemberRequest {
    /// The organization's id.
    organization_id: String,
    /// The user's id.
    user_id: String,
    /// The `etag` that was read: refused when the membership changed since.
    etag: Option<String>,
}

/// Which part of a user's memberships to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListUserMembershipsRequest {
    /// The user's id.
    user_id: String,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at`; with ` desc` the newest first.
    order_by: Option<String>,
}

/// Which part of one's own memberships to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOwnMembershipsRequest {
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at`; with ` desc` the newest first.
    order_by: Option<String>,
}

/// Which organization to leave.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveOrganizationRequest {
    /// The organization's id.
    organization_id: String,
    /// The `etag` that was read: refused when the membership changed since.
    etag: Option<String>,
}

/// What a member may do; a higher role includes the lower ones.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationRole {
    /// Is let in, but shares in nothing that is shared with all members.
    Guest,
    /// Shares in what is shared with all members.
    Member,
    /// Also shares in what is for administrators alone, and administers.
    Admin,
    /// Everything.
    Owner,
}

/// A membership.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Membership)]
pub struct MemberView {
    /// The organization's id.
    #[schema(value_type = String, example = "org_069bq1c8m5vk3f5k9t4m2s6g8c")]
    organization_id: OrganizationId,
    /// The organization's name.
    organization_name: String,
    /// The user's id.
    #[schema(value_type = String, example = "usr_069bq1c8m5vk3f5k9t4m2s6g8c")]
    user_id: UserId,
    /// The user's e-mail address.
    email: String,
    /// The user's name.
    name: String,
    /// Whether tokens and leases of the user hold.
    active: bool,
    /// The role.
    role: OrganizationRole,
    /// Since when.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// For `If-Match`.
    etag: String,
}

/// A page of memberships.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListMembersResponse {
    /// The memberships.
    memberships: Vec<MemberView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A membership after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateMemberResponse {
    /// The membership.
    membership: MemberView,
    /// For `If-Match`.
    etag: String,
    /// Live leases that the change ended.
    leases_ended: i64,
}

/// What the end of a membership ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemoveMemberResponse {
    /// Live leases that it ended.
    leases_ended: i64,
}

async fn add_member(broker: &Broker, call: &Call, request: AddMemberRequest) -> Result<MemberView, Error> {
    let AddMemberRequest { organization_id, user_id, role } = request;
    broker.administrator_adds_member(call, &organization_id, &user_id, role.into()).await.map(view)
}

async fn list_members(
    broker: &Broker,
    call: &Call,
    request: ListMembersRequest,
) -> Result<ListMembersResponse, Error> {
    let ListMembersRequest { organization_id, role, page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    let request = ListMembers { role: role.map(Into::into), page };
    broker.administrator_lists_members(call, &organization_id, request).await.map(page_of)
}

async fn show_member(broker: &Broker, call: &Call, request: GetMemberRequest) -> Result<MemberView, Error> {
    let GetMemberRequest { organization_id, user_id } = request;
    broker.administrator_shows_member(call, &organization_id, &user_id).await.map(view)
}

async fn update_member(
    broker: &Broker,
    call: &Call,
    request: UpdateMemberRequest,
) -> Result<UpdateMemberResponse, Error> {
    let UpdateMemberRequest { organization_id, user_id, role, etag } = request;
    let revision = revision(etag.as_deref())?;
    let updated =
        broker.administrator_updates_member(call, &organization_id, &user_id, role.into(), revision).await?;
    let membership = view(updated.row);
    let etag = membership.etag.clone();
    Ok(UpdateMemberResponse { membership, etag, leases_ended: updated.leases_ended })
}

async fn remove_member(
    broker: &Broker,
    call: &Call,
    request: RemoveMemberRequest,
) -> Result<RemoveMemberResponse, Error> {
    let RemoveMemberRequest { organization_id, user_id, etag } = request;
    let revision = revision(etag.as_deref())?;
    let leases_ended = broker.remove_member(call, &organization_id, &user_id, revision).await?;
    Ok(RemoveMemberResponse { leases_ended })
}

async fn list_user_memberships(
    broker: &Broker,
    call: &Call,
    request: ListUserMembershipsRequest,
) -> Result<ListMembersResponse, Error> {
    let ListUserMembershipsRequest { user_id, page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    broker.operator_lists_memberships(call, &user_id, &page).await.map(page_of)
}

async fn list_own_memberships(
    broker: &Broker,
    call: &Call,
    request: ListOwnMembershipsRequest,
) -> Result<ListMembersResponse, Error> {
    let ListOwnMembershipsRequest { page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    broker.own_memberships(call, &page).await.map(page_of)
}

async fn leave_organization(
    broker: &Broker,
    call: &Call,
    request: LeaveOrganizationRequest,
) -> Result<RemoveMemberResponse, Error> {
    let LeaveOrganizationRequest { organization_id, etag } = request;
    let revision = revision(etag.as_deref())?;
    let leases_ended = broker.leave_organization(call, &organization_id, revision).await?;
    Ok(RemoveMemberResponse { leases_ended })
}

fn page_of(listing: Listing<Member>) -> ListMembersResponse {
    let Listing { items, next_page_token } = listing.map(view);
    ListMembersResponse { memberships: items, next_page_token }
}

pub(super) fn view(member: Member) -> MemberView {
    let Member {
        organization_id,
        organization_name,
        organization_status: _,
        user_id,
        email,
        name,
        active,
        role,
        revision,
        created_at,
    } = member;
    let (role, etag) = (role.into(), revision.to_string());
    MemberView { organization_id, organization_name, user_id, email, name, active, role, created_at, etag }
}

impl From<OrganizationRole> for Role {
    fn from(role: OrganizationRole) -> Self {
        match role {
            OrganizationRole::Guest => Self::Guest,
            OrganizationRole::Member => Self::Member,
            OrganizationRole::Admin => Self::Admin,
            OrganizationRole::Owner => Self::Owner,
        }
    }
}

impl From<Role> for OrganizationRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Guest => Self::Guest,
            Role::Member => Self::Member,
            Role::Admin => Self::Admin,
            Role::Owner => Self::Owner,
        }
    }
}
