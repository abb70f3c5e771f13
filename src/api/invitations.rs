//! Invitations: `/api/admin/organizations/{organization_id}/invitations`, and accepting one at `/api/invitations`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::{InvitationSeen, NewInvitation, SentInvitation},
        listing::{ListRequest, Listing},
    },
    model::{
        id::{InvitationId, OrganizationId},
        instant::Instant,
        invitation::{Invitation, InvitationStatus as Status},
    },
};

use super::{
    members::{self, MemberView, OrganizationRole},
    read::revision,
    table,
};

table! {
    /// Invite somebody to an organization
    ///
    /// Answers a link, shown this once, that is good for a week; hand it on, the broker sends no mail. Whoever has a
    /// token of the address's user accepts it. One invitation for each address; a role up to the caller's own.
    create_invitation(CreateInvitationRequest) -> SentInvitationResponse:
        POST "/api/admin/organizations/{organization_id}/invitations" 201, rpc "InvitationService/CreateInvitation", Organization AdminWrite, cli "invitations create";
    /// List an organization's invitations
    ///
    /// By creation unless `order_by` says `email`. Those that ran out are kept for a week, to be sent again.
    list_invitations(ListInvitationsRequest) -> ListInvitationsResponse:
        GET "/api/admin/organizations/{organization_id}/invitations" 200, rpc "InvitationService/ListInvitations", Organization AdminRead, cli "invitations list";
    /// Show an invitation
    show_invitation(GetInvitationRequest) -> InvitationView:
        GET "/api/admin/organizations/{organization_id}/invitations/{invitation_id}" 200, rpc "InvitationService/GetInvitation", Organization AdminRead, cli "invitations show";
    /// Send an invitation again
    ///
    /// Answers a new link, good for a week from now; the old one is good for nothing any more. The caller vouches for the
    /// invitation from now on.
    resend_invitation(ResendInvitationRequest) -> SentInvitationResponse:
        POST "/api/admin/organizations/{organization_id}/invitations/{invitation_id}/resend" 200, rpc "InvitationService/ResendInvitation", Organization AdminWrite, cli "invitations resend";
    /// Take an invitation back
    revoke_invitation(RevokeInvitationRequest) -> RevokeInvitationResponse:
        DELETE "/api/admin/organizations/{organization_id}/invitations/{invitation_id}" 200, rpc "InvitationService/RevokeInvitation", Organization AdminWrite, cli "invitations revoke";
    /// Accept an invitation
    ///
    /// With a token of the user whose e-mail address was invited. An invitation is good once, for a week, and only while
    /// whoever made it may still offer the role.
    accept_invitation(AcceptInvitationRequest) -> MemberView:
        POST "/api/invitations/accept" 200, rpc "InvitationService/AcceptInvitation", Own CredentialWrite, cli "invitations accept";
}

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitationRequest {
    /// The organization's id.
    organization_id: String,
    /// The e-mail address of whom to invite; case does not matter.
    #[schema(example = "ada@example.org")]
    email: String,
    /// The role offered.
    role: OrganizationRole,
    /// Lets the holder of the link become a user of this address, with a first token, and says why that is right. For
    /// operators with `admin:tokens` alone.
    registers_because: Option<String>,
}

/// Which invitations to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListInvitationsRequest {
    /// The organization's id.
    organization_id: String,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at` or `email`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// Which invitation to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetInvitationRequest {
    /// The organization's id.
    organization_id: String,
    /// The invitation's id.
    invitation_id: String,
}

/// Which invitation to send again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendInvitationRequest {
    /// The organization's id.
    organization_id: String,
    /// The invitation's id.
    invitation_id: String,
    /// The `etag` that was read: refused when the invitation changed since.
    etag: Option<String>,
}

/// Which invitation to take back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeInvitationRequest {
    /// The organization's id.
    organization_id: String,
    /// The invitation's id.
    invitation_id: String,
    /// The `etag` that was read: refused when the invitation changed since.
    etag: Option<String>,
}

/// The invitation to accept. No `Debug`: it holds a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitationRequest {
    /// The link, or what stands in it after the `#`.
    #[schema(write_only)]
    link: String,
}

/// What an invitation is good for.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// It can be accepted.
    Open,
    /// It ran out; sending it again opens it.
    Expired,
    /// Whoever made it may not any more; somebody else can send it again.
    Unvouched,
}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationView {
    /// The id.
    #[schema(value_type = String, example = "inv_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: InvitationId,
    /// The organization's id.
    #[schema(value_type = String, example = "org_069bq1c8m5vk3f5k9t4m2s6g8c")]
    organization_id: OrganizationId,
    /// The organization's name.
    organization_name: String,
    /// Whom it is for.
    email: String,
    /// The role offered.
    role: OrganizationRole,
    /// What it is good for.
    status: InvitationStatus,
    /// Who made it, or sent it again last: a user, a client, or an operator's token.
    invited_by: String,
    /// Why it may make its user, when it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    registers_because: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// When it runs out.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Instant,
    /// For `If-Match`.
    etag: String,
}

/// A page of invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListInvitationsResponse {
    /// The invitations.
    invitations: Vec<InvitationView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// An invitation with its link. No `Debug`: it holds a secret.
#[derive(Serialize, ToSchema)]
pub struct SentInvitationResponse {
    /// The invitation.
    invitation: InvitationView,
    /// What to hand on; shown this once.
    #[schema(example = "https://broker.example/invitations#lhi_…")]
    link: String,
    /// For `If-Match`.
    etag: String,
}

/// It was taken back.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevokeInvitationResponse {}

async fn create_invitation(
    broker: &Broker,
    call: &Call,
    request: CreateInvitationRequest,
) -> Result<SentInvitationResponse, Error> {
    let CreateInvitationRequest { organization_id, email, role, registers_because } = request;
    let new = NewInvitation { email, role: role.into(), registers_because };
    broker.administrator_invites(call, &organization_id, new).await.map(sent)
}

async fn list_invitations(
    broker: &Broker,
    call: &Call,
    request: ListInvitationsRequest,
) -> Result<ListInvitationsResponse, Error> {
    let ListInvitationsRequest { organization_id, page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    let Listing { items, next_page_token } =
        broker.administrator_lists_invitations(call, &organization_id, &page).await?.map(view);
    Ok(ListInvitationsResponse { invitations: items, next_page_token })
}

async fn show_invitation(
    broker: &Broker,
    call: &Call,
    request: GetInvitationRequest,
) -> Result<InvitationView, Error> {
    let GetInvitationRequest { organization_id, invitation_id } = request;
    broker.administrator_shows_invitation(call, &organization_id, &invitation_id).await.map(view)
}

async fn resend_invitation(
    broker: &Broker,
    call: &Call,
    request: ResendInvitationRequest,
) -> Result<SentInvitationResponse, Error> {
    let ResendInvitationRequest { organization_id, invitation_id, etag } = request;
    let revision = revision(etag.as_deref())?;
    broker.administrator_resends_invitation(call, &organization_id, &invitation_id, revision).await.map(sent)
}

async fn revoke_invitation(
    broker: &Broker,
    call: &Call,
    request: RevokeInvitationRequest,
) -> Result<RevokeInvitationResponse, Error> {
    let RevokeInvitationRequest { organization_id, invitation_id, etag } = request;
    let revision = revision(etag.as_deref())?;
    broker.administrator_revokes_invitation(call, &organization_id, &invitation_id, revision).await?;
    Ok(RevokeInvitationResponse {})
}

async fn accept_invitation(
    broker: &Broker,
    call: &Call,
    request: AcceptInvitationRequest,
) -> Result<MemberView, Error> {
    broker.accept_invitation(call, &request.link).await.map(members::view)
}

fn sent(sent: SentInvitation) -> SentInvitationResponse {
    let SentInvitation { seen, link } = sent;
    let invitation = view(seen);
    let etag = invitation.etag.clone();
    SentInvitationResponse { invitation, link: link.expose().to_owned(), etag }
}

fn view(seen: InvitationSeen) -> InvitationView {
    let InvitationSeen { invitation, organization_name, status } = seen;
    let Invitation {
        id,
        organization_id,
        email,
        role,
        invited_by,
        by_operator: _,
        registers_because,
        created_at,
        expires_at,
        revision,
    } = invitation;
    InvitationView {
        id,
        organization_id,
        organization_name,
        email,
        role: role.into(),
        status: status.into(),
        invited_by,
        registers_because,
        created_at,
        expires_at,
        etag: revision.to_string(),
    }
}

impl From<Status> for InvitationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Expired => Self::Expired,
            Status::Unvouched => Self::Unvouched,
        }
    }
}
