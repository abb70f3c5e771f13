//! Owners, users, organizations, memberships.

use super::run::{Connection, Query, change, execute, fetch, find, find_model, list, load, query, set};
use crate::{
    model::{
        id::{OrganizationId, UserId},
        organization::{MemberStanding, Membership, Organization, OrganizationStatus, Role},
        owner::Owner,
        page::{Cursor, ListQuery, Page},
        user::{User, UserFilter},
    },
    store::{
        admin::UserPatch,
        error::StoreError,
        rows::{MembershipRow, Place, StandingRow, UserRow, by_id},
        sql::people as sql,
    },
};

pub(super) async fn revisions(
    connection: &mut Connection,
    owners: &[Owner],
) -> Result<Vec<(Owner, i64)>, StoreError> {
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(String, i64)> = fetch(connection, set(&sql::REVISIONS, by_id(owners))?).await?;
    let parse =
        |(id, revision): (String, i64)| Ok((Place { table: "owners", row: &id }.parse("id", &id)?, revision));
    rows.into_iter().map(parse).collect()
}

pub(super) async fn raise_revision(connection: &mut Connection, owner: Owner) -> Result<u64, StoreError> {
    change(connection, query(&sql::RAISE_REVISION).bind(owner.to_string()), "the owner").await
}

pub(super) async fn find_user(connection: &mut Connection, id: UserId) -> Result<Option<User>, StoreError> {
    find_model::<UserRow, _>(connection, query(&sql::FIND_USER).bind(id.to_string())).await
}

pub(super) async fn find_user_by_email(
    connection: &mut Connection,
    email: &str,
) -> Result<Option<User>, StoreError> {
    find_model::<UserRow, _>(connection, query(&sql::FIND_USER_BY_EMAIL).bind(email.to_owned())).await
}

pub(super) async fn insert_user(connection: &mut Connection, user: &User) -> Result<u64, StoreError> {
    insert_owner(connection, user.id.to_string(), "user").await?;
    let statement = query(&sql::INSERT_USER)
        .bind(user.id.to_string())
        .bind(user.email.clone())
        .bind(user.name.clone())
        .bind(user.active)
        .bind(user.epoch)
        .bind(user.created_at.micros());
    execute(connection, statement).await
}

pub(super) async fn set_user_active(
    connection: &mut Connection,
    id: UserId,
    active: bool,
) -> Result<u64, StoreError> {
    let statement = query(&sql::SET_USER_ACTIVE).bind(id.to_string()).bind(active);
    change(connection, statement, "the user").await
}

pub(super) async fn update_user(
    connection: &mut Connection,
    id: UserId,
    patch: &UserPatch,
) -> Result<u64, StoreError> {
    let UserPatch { email, name, active: _ } = patch;
    let statement = query(&sql::UPDATE_USER).bind(id.to_string()).bind(email.clone()).bind(name.clone());
    change(connection, statement, "the user").await
}

pub(super) async fn user_has_revision(
    connection: &mut Connection,
    id: UserId,
    revision: i64,
) -> Result<bool, StoreError> {
    let row: Option<(String,)> =
        find(connection, query(&sql::USER_REVISION).bind(id.to_string()).bind(revision)).await?;
    Ok(row.is_some())
}

pub(super) async fn list_users(
    connection: &mut Connection,
    wanted: &ListQuery<UserFilter>,
) -> Result<Page<User, Cursor>, StoreError> {
    let UserFilter { email, active } = &wanted.filter;
    let bind = |query: Query<'static>| query.bind(email.clone()).bind(*active);
    list::<UserRow, _, _>(connection, &sql::LIST_USERS, wanted, bind).await
}

/// Name, status and epoch.
pub(super) async fn find_organization(
    connection: &mut Connection,
    id: OrganizationId,
) -> Result<Option<(String, OrganizationStatus, i64)>, StoreError> {
    let id = id.to_string();
    let row: Option<(String, String, i64)> =
        find(connection, query(&sql::FIND_ORGANIZATION).bind(id.clone())).await?;
    let place = Place { table: "organizations", row: &id };
    row.map(|(name, status, epoch)| Ok((name, place.parse("status", &status)?, epoch))).transpose()
}

pub(super) async fn insert_organization(
    connection: &mut Connection,
    organization: &Organization,
) -> Result<u64, StoreError> {
    insert_owner(connection, organization.id.to_string(), "organization").await?;
    let statement = query(&sql::INSERT_ORGANIZATION)
        .bind(organization.id.to_string())
        .bind(organization.name.clone())
        .bind(organization.status.as_str())
        .bind(organization.epoch)
        .bind(organization.created_at.micros());
    execute(connection, statement).await
}

pub(super) async fn set_organization_status(
    connection: &mut Connection,
    id: OrganizationId,
    status: OrganizationStatus,
) -> Result<u64, StoreError> {
    let statement = query(&sql::SET_ORGANIZATION_STATUS).bind(id.to_string()).bind(status.as_str());
    change(connection, statement, "the organization").await
}

pub(super) async fn raise_organization_epoch(
    connection: &mut Connection,
    id: OrganizationId,
) -> Result<u64, StoreError> {
    let statement = query(&sql::RAISE_ORGANIZATION_EPOCH).bind(id.to_string());
    change(connection, statement, "the organization").await
}

/// Oldest first.
pub(super) async fn memberships<M>(connection: &mut Connection, user: UserId) -> Result<Vec<M>, StoreError>
where
    MembershipRow: TryInto<M, Error = StoreError>,
{
    load::<MembershipRow, M>(connection, query(&sql::MEMBERSHIPS).bind(user.to_string())).await
}

pub(super) async fn put_membership(
    connection: &mut Connection,
    membership: &Membership,
) -> Result<u64, StoreError> {
    let Membership { organization_id, user_id, role, epoch, created_at } = membership;
    let statement = query(&sql::PUT_MEMBERSHIP)
        .bind(organization_id.to_string())
        .bind(user_id.to_string())
        .bind(Role::as_str(*role))
        .bind(*epoch)
        .bind(created_at.micros());
    change(connection, statement, "the organization").await
}

pub(super) async fn find_standing(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<MemberStanding>, StoreError> {
    let statement = query(&sql::FIND_MEMBERSHIP).bind(organization.to_string()).bind(user.to_string());
    let row: Option<StandingRow> = find(connection, statement).await?;
    row.map(|row| row.read(&organization.to_string())).transpose()
}

pub(super) async fn has_epoch(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
    epoch: i64,
) -> Result<bool, StoreError> {
    let statement =
        query(&sql::MEMBERSHIP_EPOCH).bind(organization.to_string()).bind(user.to_string()).bind(epoch);
    let row: Option<(String,)> = find(connection, statement).await?;
    Ok(row.is_some())
}

pub(super) async fn find_role(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<Role>, StoreError> {
    let id = user.to_string();
    let statement = query(&sql::FIND_ROLE).bind(organization.to_string()).bind(id.clone());
    let row: Option<(String,)> = find(connection, statement).await?;
    row.map(|(role,)| Place { table: "memberships", row: &id }.parse("role", &role)).transpose()
}

/// Refuses to take an organization's only owner away.
pub(super) async fn keep_an_owner(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), StoreError> {
    let statement = query(&sql::IS_ONLY_OWNER).bind(organization.to_string()).bind(user.to_string());
    let only: Option<(String,)> = find(connection, statement).await?;
    let constraint = LAST_OWNER.to_owned();
    if only.is_some() { Err(StoreError::Conflict { constraint }) } else { Ok(()) }
}

pub(super) async fn remove_membership(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
) -> Result<u64, StoreError> {
    let statement = query(&sql::REMOVE_MEMBERSHIP).bind(organization.to_string()).bind(user.to_string());
    change(connection, statement, "the membership").await
}

async fn insert_owner(
    connection: &mut Connection,
    id: String,
    kind: &'static str,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::INSERT_OWNER).bind(id).bind(kind)).await
}

/// Named like a constraint of the database.
const LAST_OWNER: &str = "organizations_keep_an_owner";
