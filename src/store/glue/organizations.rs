//! Organizations and their members, as administrators see and change them.

use super::{
    administer,
    doubts::{self, Doubted},
    invitations, journal, people,
    run::{self, Connection, Query, change, execute, find_model, query},
};
use crate::{
    model::{
        id::{OrganizationId, UserId},
        organization::{
            Member, MemberFilter, Membership, Organization, OrganizationFilter, OrganizationStatus, Role,
        },
        owner::Owner,
        page::{Cursor, ListQuery, Page},
    },
    store::{
        admin::OrganizationPatch,
        error::StoreError,
        rows::{MemberRow, OrganizationRow},
        sql::organizations as sql,
    },
};

pub(super) async fn find(
    connection: &mut Connection,
    id: OrganizationId,
) -> Result<Option<Organization>, StoreError> {
    find_model::<OrganizationRow, _>(connection, query(&sql::FIND).bind(id.to_string())).await
}

pub(super) async fn list(
    connection: &mut Connection,
    wanted: &ListQuery<OrganizationFilter>,
) -> Result<Page<Organization, Cursor>, StoreError> {
    let OrganizationFilter { name, status, administered_by } = &wanted.filter;
    let bind = |query: Query<'static>| {
        let query = query.bind(name.clone()).bind(status.map(OrganizationStatus::as_str));
        match administered_by {
            Some(user) => query.bind(user.to_string()),
            None => query,
        }
    };
    let listing = if administered_by.is_some() { &sql::LIST_ADMINISTERED } else { &sql::LIST };
    run::list::<OrganizationRow, _, _>(connection, listing, wanted, bind).await
}

pub(super) async fn has_revision(
    connection: &mut Connection,
    id: OrganizationId,
    revision: i64,
) -> Result<bool, StoreError> {
    let row: Option<(String,)> =
        run::find(connection, query(&sql::REVISION).bind(id.to_string()).bind(revision)).await?;
    Ok(row.is_some())
}

pub(super) async fn found(
    connection: &mut Connection,
    organization: &Organization,
    owner: UserId,
) -> Result<u64, StoreError> {
    people::insert_organization(connection, organization).await?;
    let Organization { id, epoch, created_at, .. } = *organization;
    let membership = Membership { organization_id: id, user_id: owner, role: Role::Owner, epoch, created_at };
    add_member(connection, &membership).await
}

/// What was borrowed by the old name is borrowed by the new one: the revision lets answers name it.
pub(super) async fn update(
    connection: &mut Connection,
    id: OrganizationId,
    patch: &OrganizationPatch,
) -> Result<u64, StoreError> {
    let statement = query(&sql::UPDATE).bind(id.to_string()).bind(patch.name.clone());
    change(connection, statement, "the organization").await?;
    people::raise_revision(connection, Owner::Organization(id)).await
}

/// Takes everything away that anybody could still borrow or do with; one statement for each kind, whatever the number.
pub(super) async fn delete(connection: &mut Connection, id: OrganizationId) -> Result<u64, StoreError> {
    let named = |statement| query(statement).bind(id.to_string());
    journal::count(connection, "fence").await?;
    let deleted = change(connection, named(&sql::DELETE), "the organization").await?;
    doubts::raise(connection, Doubted::Organization(id), 0).await?;
    doubts::raise_clients(connection, id).await?;
    invitations::delete_all(connection, id).await?;
    for statement in [
        &sql::CLOSE_OWNER,
        &sql::REMOVE_MEMBERS,
        &sql::STOP_CLIENTS,
        &sql::DELETE_CLIENT_SECRETS,
        &sql::DELETE_CONNECT_LINKS,
        &sql::DELETE_CREDENTIALS,
        &sql::DELETE_APPLICATIONS,
        &sql::DELETE_DATA_KEYS,
    ] {
        execute(connection, named(statement)).await?;
    }
    Ok(deleted)
}

pub(super) async fn find_member(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<Member>, StoreError> {
    let statement = query(&sql::FIND_MEMBER).bind(organization.to_string()).bind(user.to_string());
    find_model::<MemberRow, _>(connection, statement).await
}

pub(super) async fn list_members(
    connection: &mut Connection,
    wanted: &ListQuery<MemberFilter>,
) -> Result<Page<Member, Cursor>, StoreError> {
    let (listing, of, role) = match wanted.filter {
        MemberFilter::Organization(id, role) => (&sql::LIST_MEMBERS, id.to_string(), Some(role)),
        MemberFilter::User(id) => (&sql::LIST_MEMBERSHIPS, id.to_string(), None),
    };
    let bind = |query: Query<'static>| match role {
        Some(role) => query.bind(of).bind(role.map(Role::as_str)),
        None => query.bind(of),
    };
    run::list::<MemberRow, _, _>(connection, listing, wanted, bind).await
}

pub(super) async fn member_has_revision(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
    revision: i64,
) -> Result<bool, StoreError> {
    let statement =
        query(&sql::MEMBER_REVISION).bind(organization.to_string()).bind(user.to_string()).bind(revision);
    let row: Option<(String,)> = run::find(connection, statement).await?;
    Ok(row.is_some())
}

pub(super) async fn is_member(
    connection: &mut Connection,
    organization: OrganizationId,
    email: &str,
) -> Result<bool, StoreError> {
    let statement = query(&sql::IS_MEMBER).bind(organization.to_string()).bind(email.to_owned());
    let row: Option<(String,)> = run::find(connection, statement).await?;
    Ok(row.is_some())
}

pub(super) async fn add_member(
    connection: &mut Connection,
    membership: &Membership,
) -> Result<u64, StoreError> {
    let Membership { organization_id, user_id, .. } = *membership;
    if people::find_standing(connection, organization_id, user_id).await?.is_some() {
        return Err(StoreError::Conflict { constraint: MEMBER.to_owned() });
    }
    invitations::use_up(connection, organization_id, user_id).await?;
    administer::change_user(connection, user_id).await?;
    people::put_membership(connection, membership).await
}

/// Named like a constraint of the database.
pub(super) const MEMBER: &str = "memberships_pkey";
