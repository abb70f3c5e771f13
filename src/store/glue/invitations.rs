//! Invitations.

use super::{
    organizations,
    run::{self, Connection, Query, change, execute, find_model, query},
};
use crate::{
    model::{
        id::{InvitationId, OrganizationId, UserId},
        instant::Instant,
        invitation::{Invitation, InvitationFacts, InvitationStatus, Resending},
        organization::Membership,
        page::{Cursor, ListQuery, Page},
    },
    store::{admin::Acceptance, error::StoreError, rows::InvitationRow, sql::invitations as sql},
};

pub(super) async fn find(
    connection: &mut Connection,
    id: InvitationId,
) -> Result<Option<InvitationFacts>, StoreError> {
    find_model::<InvitationRow, _>(connection, query(&sql::FIND).bind(id.to_string())).await
}

pub(super) async fn find_by_digest(
    connection: &mut Connection,
    digest: &str,
) -> Result<Option<InvitationFacts>, StoreError> {
    find_model::<InvitationRow, _>(connection, query(&sql::FIND_BY_DIGEST).bind(digest.to_owned())).await
}

pub(super) async fn list(
    connection: &mut Connection,
    wanted: &ListQuery<OrganizationId>,
) -> Result<Page<InvitationFacts, Cursor>, StoreError> {
    let organization = wanted.filter.to_string();
    let bind = |query: Query<'static>| query.bind(organization);
    run::list::<InvitationRow, _, _>(connection, &sql::LIST, wanted, bind).await
}

pub(super) async fn has_revision(
    connection: &mut Connection,
    id: InvitationId,
    revision: i64,
) -> Result<bool, StoreError> {
    let row: Option<(String,)> =
        run::find(connection, query(&sql::REVISION).bind(id.to_string()).bind(revision)).await?;
    Ok(row.is_some())
}

pub(super) async fn insert(
    connection: &mut Connection,
    invitation: &Invitation,
    digest: &str,
) -> Result<u64, StoreError> {
    let Invitation { organization_id, email, .. } = invitation;
    if organizations::is_member(connection, *organization_id, email).await? {
        return Err(StoreError::Conflict { constraint: organizations::MEMBER.to_owned() });
    }
    let statement = query(&sql::INSERT)
        .bind(invitation.id.to_string())
        .bind(organization_id.to_string())
        .bind(email.clone())
        .bind(invitation.role.as_str())
        .bind(digest.to_owned())
        .bind(invitation.invited_by.clone())
        .bind(invitation.by_operator)
        .bind(invitation.registers_because.clone())
        .bind(invitation.created_at.micros())
        .bind(invitation.expires_at.micros());
    if execute(connection, statement).await? > 0 {
        return Ok(1);
    }
    let kept = query(&sql::IS_KEPT).bind(organization_id.to_string()).bind(email.clone());
    let kept: Option<(String,)> = run::find(connection, kept).await?;
    Err(match kept {
        Some(_) => StoreError::Conflict { constraint: INVITED.to_owned() },
        None => StoreError::Missing("the organization"),
    })
}

pub(super) async fn resend(connection: &mut Connection, resending: &Resending) -> Result<u64, StoreError> {
    let statement = query(&sql::RESEND)
        .bind(resending.id.to_string())
        .bind(resending.digest.clone())
        .bind(resending.invited_by.clone())
        .bind(resending.by_operator)
        .bind(resending.keeps_registering)
        .bind(resending.expires_at.micros());
    change(connection, statement, INVITATION).await
}

pub(super) async fn delete(connection: &mut Connection, id: InvitationId) -> Result<u64, StoreError> {
    change(connection, query(&sql::DELETE).bind(id.to_string()), INVITATION).await
}

pub(super) async fn delete_all(
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::DELETE_ALL).bind(organization.to_string())).await
}

pub(super) async fn use_up(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
) -> Result<u64, StoreError> {
    let statement = query(&sql::USE_UP).bind(organization.to_string()).bind(user.to_string());
    execute(connection, statement).await
}

/// Judged again here: of two who accept at once, and of an acceptance beside the inviter's fall, the first to commit wins.
pub(super) async fn accept(connection: &mut Connection, acceptance: &Acceptance) -> Result<u64, StoreError> {
    let Acceptance { id, revision, user_id, at } = *acceptance;
    let found = find(connection, id)
        .await?
        .filter(|facts| facts.invitation.revision == revision && facts.status(at) == InvitationStatus::Open);
    let Invitation { organization_id, role, .. } = found.ok_or(StoreError::Missing(INVITATION))?.invitation;
    delete(connection, id).await?;
    let membership = Membership { organization_id, user_id, role, epoch: 1, created_at: at };
    organizations::add_member(connection, &membership).await
}

pub(super) async fn prune(
    connection: &mut Connection,
    before: Instant,
    limit: u16,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::PRUNE).bind(before.micros()).bind(i64::from(limit))).await
}

const INVITATION: &str = "the invitation";
/// Named like a constraint of the database.
const INVITED: &str = "invitations_organization_id_email_key";
