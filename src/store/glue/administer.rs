//! Administrative changes: each writes its rows, raises epochs and revisions, and doubts the leases it may end.

use super::{
    credentials,
    doubts::{self, Doubted},
    journal, keys, leases, people, quotas,
    run::Connection,
    tokens,
};
use crate::{
    model::{
        id::{ClientId, OrganizationId, TokenId, UserId},
        instant::Instant,
        organization::{Membership, OrganizationStatus, Role},
        owner::Owner,
    },
    store::{admin::Change, error::StoreError, rows::Place},
};

/// Whether the change may end what a transaction under way has already judged to hold. Such a change waits for those
/// transactions, and those that follow wait for it.
pub(super) const fn is_decisive(change: &Change) -> bool {
    matches!(
        change,
        Change::SetUserActive(..)
            | Change::SetOrganizationStatus(..)
            | Change::PutMembership(..)
            | Change::RemoveMembership(..)
            | Change::SetClientActive(..)
            | Change::SetClientRole(..)
            | Change::SetTokenActive(..)
            | Change::CreateCredential(..)
            | Change::RotateCredential { .. }
            | Change::SetCredentialStatus(..)
            | Change::SetCredentialSharing(..)
            | Change::DeleteCredential(..)
            | Change::PlaceFence(..)
    )
}

pub(super) async fn apply(connection: &mut Connection, change: &Change) -> Result<u64, StoreError> {
    match change {
        Change::CreateUser(user) => people::insert_user(connection, user).await,
        Change::SetUserActive(id, active) => set_user_active(connection, *id, *active).await,
        Change::CreateOrganization(organization) => {
            people::insert_organization(connection, organization).await
        }
        Change::SetOrganizationStatus(id, status) => set_organization_status(connection, *id, *status).await,
        Change::PutMembership(membership) => put_membership(connection, membership).await,
        Change::RemoveMembership(organization, user) => {
            remove_membership(connection, *organization, *user).await
        }
        Change::CreateClient(client, digest) => tokens::insert_client(connection, client, digest).await,
        Change::SetClientActive(id, active) => set_client_active(connection, *id, *active).await,
        Change::SetClientRole(id, role) => set_client_role(connection, *id, *role).await,
        Change::RotateClientSecret(id, digest, until) => {
            tokens::rotate_secret(connection, *id, digest, *until).await
        }
        Change::CreateResource(uri, at) => tokens::insert_resource(connection, uri, *at).await,
        Change::CreateMcpToken(token, digest) => tokens::insert_mcp(connection, token, digest).await,
        Change::SetTokenActive(id, active) => set_token_active(connection, *id, *active).await,
        Change::RecordUsage(uses) => tokens::record_usage(connection, uses).await,
        Change::CreateCredential(credential) => credentials::insert(connection, credential).await,
        Change::RotateCredential { id, version, sealed, expires_at } => {
            credentials::rotate(connection, *id, *version, sealed, *expires_at).await
        }
        Change::SetCredentialStatus(id, status) => credentials::set_status(connection, *id, *status).await,
        Change::SetCredentialSharing(id, sharing) => credentials::set_sharing(connection, *id, sharing).await,
        Change::DeleteCredential(id) => credentials::delete(connection, *id).await,
        Change::PlaceFence(fence) => doubts::place_fence(connection, fence).await,
        Change::PutSetting(name, value) => journal::put_setting(connection, name, value).await,
        Change::PutCheckpoint(checkpoint) => journal::put_checkpoint(connection, checkpoint).await,
        Change::Prune(before, limit) => prune(connection, *before, *limit).await,
        Change::RecordOnly => Ok(0),
        Change::CreateDataKey(key) => keys::insert(connection, key).await,
        Change::RewrapDataKey { id, from, to } => keys::rewrap(connection, *id, from, to).await,
        Change::ResealCredential { id, from, to } => credentials::reseal(connection, *id, from, to).await,
        Change::CreateSigningKey(key) => keys::insert_signing(connection, key).await,
        Change::ResealSigningKey { id, from, to } => keys::reseal_signing(connection, *id, from, to).await,
        Change::RetireSigningKey(id, at) => keys::retire_signing(connection, *id, *at).await,
    }
}

async fn set_user_active(connection: &mut Connection, id: UserId, active: bool) -> Result<u64, StoreError> {
    end_leases_unless(active, connection).await?;
    let touched = people::set_user_active(connection, id, active).await?;
    people::raise_revision(connection, Owner::User(id)).await?;
    doubts::raise(connection, Doubted::User(id), 0).await?;
    Ok(touched)
}

async fn set_organization_status(
    connection: &mut Connection,
    id: OrganizationId,
    status: OrganizationStatus,
) -> Result<u64, StoreError> {
    let touched = people::set_organization_status(connection, id, status).await?;
    people::raise_revision(connection, Owner::Organization(id)).await?;
    doubts::raise(connection, Doubted::Organization(id), 0).await?;
    doubts::raise_clients(connection, id).await?;
    Ok(touched)
}

async fn put_membership(connection: &mut Connection, membership: &Membership) -> Result<u64, StoreError> {
    change_user(connection, membership.user_id).await?;
    if membership.role != Role::Owner {
        people::keep_an_owner(connection, membership.organization_id, membership.user_id).await?;
    }
    people::put_membership(connection, membership).await
}

async fn remove_membership(
    connection: &mut Connection,
    organization: OrganizationId,
    user: UserId,
) -> Result<u64, StoreError> {
    people::keep_an_owner(connection, organization, user).await?;
    let touched = people::remove_membership(connection, organization, user).await?;
    change_user(connection, user).await?;
    Ok(touched)
}

async fn change_user(connection: &mut Connection, user: UserId) -> Result<(), StoreError> {
    people::raise_revision(connection, Owner::User(user)).await?;
    doubts::raise(connection, Doubted::User(user), 0).await
}

async fn set_client_active(
    connection: &mut Connection,
    id: ClientId,
    active: bool,
) -> Result<u64, StoreError> {
    end_leases_unless(active, connection).await?;
    let touched = tokens::set_client_active(connection, id, active).await?;
    doubts::raise(connection, Doubted::Client(id), 0).await?;
    Ok(touched)
}

/// A client has no membership whose epoch could rise: the organization's says it.
async fn set_client_role(connection: &mut Connection, id: ClientId, role: Role) -> Result<u64, StoreError> {
    let owner = tokens::set_client_role(connection, id, role).await?;
    if let Owner::Organization(organization) = owner {
        people::raise_organization_epoch(connection, organization).await?;
        doubts::raise(connection, Doubted::Organization(organization), 0).await?;
    }
    people::raise_revision(connection, owner).await
}

async fn set_token_active(connection: &mut Connection, id: TokenId, active: bool) -> Result<u64, StoreError> {
    end_leases_unless(active, connection).await?;
    if let Some(user) = tokens::set_active(connection, id, active).await? {
        let user = Place { table: "tokens", row: &id.to_string() }.parse("user_id", &user)?;
        doubts::raise(connection, Doubted::User(user), 0).await?;
    }
    Ok(1)
}

/// Whoever is switched off keeps no lease, not even when switched on again: what was taken so far has a lower number than
/// the one given out here, which the row keeps as its cutoff.
async fn end_leases_unless(active: bool, connection: &mut Connection) -> Result<(), StoreError> {
    if !active {
        journal::count(connection, "fence").await?;
    }
    Ok(())
}

async fn prune(connection: &mut Connection, now: Instant, limit: u16) -> Result<u64, StoreError> {
    let tokens = tokens::prune(connection, now.plus_seconds(-TOKEN_SECONDS), limit).await?;
    let keys = quotas::prune_keys(connection, now, limit).await?;
    let leases = leases::prune(connection, now.plus_seconds(-ENDED_LEASE_SECONDS), limit).await?;
    // The kind with the most left to do says whether there is more.
    Ok(tokens.max(keys).max(leases))
}

/// How long the rows of access tokens are kept after they ran out: a day.
const TOKEN_SECONDS: i64 = 86_400;
/// How long ended leases are kept after they would have run out: a week.
const ENDED_LEASE_SECONDS: i64 = 7 * 86_400;
