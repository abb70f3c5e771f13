//! Administrative changes: each writes its rows, raises epochs and revisions, and doubts the leases it may end.

use std::collections::BTreeSet;

use super::{
    connections, credentials,
    doubts::{self, Doubted},
    grants, invitations, journal, keys, leases, mcp_tokens, minted, organizations, people, quotas,
    run::Connection,
    tokens,
};
use crate::{
    model::{
        connection::CONFIRM_SECONDS,
        id::{ClientId, OrganizationId, SigningKeyId, TokenId, UserId},
        instant::Instant,
        mcp_token::McpTokenPatch,
        organization::{Membership, OrganizationStatus, Role},
        owner::Owner,
        user::User,
    },
    store::{
        admin::{Acceptance, Change, ClientPatch, Fence, MintedToken, OrganizationPatch, UserPatch},
        error::StoreError,
    },
};

/// Whether the change may end what a transaction under way has already judged to hold. Such a change waits for those
/// transactions, and those that follow wait for it.
pub(super) fn is_decisive(change: &Change) -> bool {
    matches!(
        change,
        Change::SetUserActive(..)
            | Change::UpdateUser(_, UserPatch { active: Some(_), .. })
            | Change::UpdateOrganization(_, OrganizationPatch { status: Some(_), .. })
            | Change::DeleteOrganization(..)
            | Change::FoundOrganization(..)
            | Change::AddMembership(..)
            | Change::AcceptInvitation(..)
            | Change::RegisterInvited(..)
            | Change::SetOrganizationStatus(..)
            | Change::PutMembership(..)
            | Change::RemoveMembership(..)
            | Change::SetClientActive(..)
            | Change::SetClientRole(..)
            | Change::UpdateClient(..)
            | Change::DeleteClient(..)
            | Change::SetTokenActive(..)
            | Change::UpdateMcpToken(_, McpTokenPatch { active: Some(_), .. })
            | Change::CreateMcpToken(..)
            | Change::RotateMcpToken(..)
            | Change::RevokeMcpToken(..)
            | Change::WithdrawSigningKey(..)
            | Change::CreateCredential(..)
            | Change::RotateCredential { .. }
            | Change::SetCredentialStatus(..)
            | Change::SetCredentialSharing(..)
            | Change::UpdateCredential(..)
            | Change::DeleteCredential(..)
            | Change::SetCredentialCondition(..)
            | Change::PlaceFence(..)
            | Change::VoidPast(..)
    ) || matches!(change, Change::All(changes) if changes.iter().any(is_decisive))
}

pub(super) async fn apply(connection: &mut Connection, change: &Change) -> Result<u64, StoreError> {
    match change {
        Change::CreateUser(user) => people::insert_user(connection, user).await,
        Change::SetUserActive(id, active) => set_user_active(connection, *id, *active).await,
        Change::UpdateUser(id, patch) => update_user(connection, *id, patch).await,
        Change::CreateOrganization(organization) => {
            people::insert_organization(connection, organization).await
        }
        Change::FoundOrganization(organization, owner) => {
            organizations::found(connection, organization, *owner).await
        }
        Change::UpdateOrganization(id, patch) => update_organization(connection, *id, patch).await,
        Change::DeleteOrganization(id) => organizations::delete(connection, *id).await,
        Change::AddMembership(membership) => organizations::add_member(connection, membership).await,
        Change::CreateInvitation(invitation, digest) => {
            invitations::insert(connection, invitation, digest).await
        }
        Change::ResendInvitation(resending) => invitations::resend(connection, resending).await,
        Change::RevokeInvitation(id) => invitations::delete(connection, *id).await,
        Change::AcceptInvitation(acceptance) => invitations::accept(connection, acceptance).await,
        Change::RegisterInvited(registration) => register(connection, registration).await,
        Change::SetOrganizationStatus(id, status) => set_organization_status(connection, *id, *status).await,
        Change::PutMembership(membership) => put_membership(connection, membership).await,
        Change::RemoveMembership(id, user) => remove_membership(connection, *id, *user).await,
        Change::CreateClient(client, digest) => tokens::insert_client(connection, client, digest).await,
        Change::SetClientActive(id, active) => set_client_active(connection, *id, *active).await,
        Change::SetClientRole(id, role) => set_client_role(connection, *id, *role).await,
        Change::RotateClientSecret { id, digest, at, until } => {
            tokens::rotate_secret(connection, *id, digest, *at, *until).await
        }
        Change::UpdateClient(id, patch) => update_client(connection, *id, patch).await,
        Change::DeleteClient(id) => delete_client(connection, *id).await,
        Change::CreateResource(uri, at) => tokens::insert_resource(connection, uri, *at).await,
        Change::DeleteResource(uri) => tokens::delete_resource(connection, uri).await,
        Change::CreateMcpToken(minted) => mcp_tokens::insert(connection, minted).await,
        Change::SetTokenActive(id, active) => set_token_active(connection, *id, *active).await,
        Change::UpdateMcpToken(id, patch) => update_token(connection, *id, patch).await,
        Change::RotateMcpToken(text) => mcp_tokens::rotate(connection, text).await,
        Change::RevokeMcpToken(id, at) => revoke_token(connection, *id, *at).await,
        Change::RecordUsage(uses) => tokens::record_usage(connection, uses).await,
        Change::CreateCredential(credential) => credentials::insert(connection, credential).await,
        Change::RotateCredential { .. } => rotate_credential(connection, change).await,
        Change::SetCredentialCondition(id, status, reason) => {
            credentials::set_condition(connection, *id, *status, reason.as_deref()).await
        }
        Change::SetCredentialIdentity(id, text) => credentials::set_identity(connection, *id, text).await,
        Change::Grant(change) => grants::apply(connection, change).await,
        Change::Minted(change) => minted::apply(connection, change).await,
        Change::Link(change) => connections::apply(connection, change).await,
        Change::All(changes) => apply_all(connection, changes).await,
        Change::UpdateCredential(id, patch) => credentials::update(connection, *id, patch).await,
        Change::SetCredentialStatus(id, status) => credentials::set_status(connection, *id, *status).await,
        Change::SetCredentialSharing(id, sharing) => credentials::set_sharing(connection, *id, sharing).await,
        Change::DeleteCredential(id) => credentials::delete(connection, *id).await,
        Change::PlaceFence(fence) => doubts::place_fence(connection, fence).await,
        Change::VoidPast(fence) => void_past(connection, fence).await,
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
        Change::WithdrawSigningKey(id, at) => withdraw_signing_key(connection, *id, *at).await,
    }
}

async fn rotate_credential(connection: &mut Connection, change: &Change) -> Result<u64, StoreError> {
    let Change::RotateCredential { id, version, sealed, expires_at, fields, issuer, at } = change else {
        return Ok(0);
    };
    let (version, expires_at, issuer, at) = (*version, *expires_at, *issuer, *at);
    let value = credentials::NewValue { version, sealed, expires_at, fields, issuer, at };
    credentials::rotate(connection, *id, value).await
}

async fn withdraw_signing_key(
    connection: &mut Connection,
    id: SigningKeyId,
    at: Instant,
) -> Result<u64, StoreError> {
    journal::count(connection, "withdrawal").await?;
    keys::retire_signing(connection, id, at).await
}

async fn apply_all(connection: &mut Connection, changes: &[Change]) -> Result<u64, StoreError> {
    let mut touched = 0;
    for change in changes {
        touched += Box::pin(apply(connection, change)).await?;
    }
    Ok(touched)
}

async fn register(
    connection: &mut Connection,
    (acceptance, user, minted): &(Acceptance, User, MintedToken),
) -> Result<u64, StoreError> {
    people::insert_user(connection, user).await?;
    invitations::accept(connection, acceptance).await?;
    mcp_tokens::insert(connection, minted).await
}

async fn set_user_active(connection: &mut Connection, id: UserId, active: bool) -> Result<u64, StoreError> {
    end_leases_unless(active, connection).await?;
    let touched = people::set_user_active(connection, id, active).await?;
    people::raise_revision(connection, Owner::User(id)).await?;
    doubts::raise(connection, Doubted::User(id), 0).await?;
    Ok(touched)
}

async fn update_user(connection: &mut Connection, id: UserId, patch: &UserPatch) -> Result<u64, StoreError> {
    if let Some(active) = patch.active {
        set_user_active(connection, id, active).await?;
    }
    people::update_user(connection, id, patch).await
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

async fn update_organization(
    connection: &mut Connection,
    id: OrganizationId,
    patch: &OrganizationPatch,
) -> Result<u64, StoreError> {
    if let Some(status) = patch.status {
        set_organization_status(connection, id, status).await?;
    }
    organizations::update(connection, id, patch).await
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

pub(super) async fn change_user(connection: &mut Connection, user: UserId) -> Result<(), StoreError> {
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

async fn update_client(
    connection: &mut Connection,
    id: ClientId,
    patch: &ClientPatch,
) -> Result<u64, StoreError> {
    if let Some(role) = patch.role {
        set_client_role(connection, id, role).await?;
    }
    if let Some(active) = patch.active {
        set_client_active(connection, id, active).await?;
    }
    tokens::update_client(connection, id, patch).await
}

async fn delete_client(connection: &mut Connection, id: ClientId) -> Result<u64, StoreError> {
    let touched = tokens::delete_client(connection, id).await?;
    doubts::raise(connection, Doubted::Client(id), 0).await?;
    Ok(touched)
}

async fn set_token_active(connection: &mut Connection, id: TokenId, active: bool) -> Result<u64, StoreError> {
    end_leases_unless(active, connection).await?;
    if let Some(user) = mcp_tokens::set_active(connection, id, active).await? {
        doubts::raise(connection, Doubted::User(user), 0).await?;
    }
    Ok(1)
}

async fn void_past(connection: &mut Connection, fence: &Fence) -> Result<u64, StoreError> {
    doubts::place_fence(connection, fence).await?;
    tokens::raise_client_epochs(connection).await?;
    tokens::switch_off_mcp(connection).await
}

async fn update_token(
    connection: &mut Connection,
    id: TokenId,
    patch: &McpTokenPatch,
) -> Result<u64, StoreError> {
    if let Some(active) = patch.active {
        set_token_active(connection, id, active).await?;
    }
    match &patch.name {
        Some(name) => mcp_tokens::rename(connection, id, name).await,
        None => Ok(1),
    }
}

async fn revoke_token(connection: &mut Connection, id: TokenId, at: Instant) -> Result<u64, StoreError> {
    end_leases_unless(false, connection).await?;
    let ended = mcp_tokens::revoke(connection, id, at).await?;
    let users: BTreeSet<UserId> = ended.iter().filter_map(|(_, user)| *user).collect();
    for user in users {
        doubts::raise(connection, Doubted::User(user), 0).await?;
    }
    Ok(ended.len() as u64)
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
    let invitations =
        invitations::prune(connection, now.plus_seconds(-EXPIRED_INVITATION_SECONDS), limit).await?;
    let links = connections::prune(connection, now.plus_seconds(-UNCONFIRMED_SECONDS), limit).await?;
    // The kind with the most left to do says whether there is more.
    Ok(tokens.max(keys).max(leases).max(invitations).max(links))
}

/// How long the rows of access tokens are kept after they ran out: a day.
const TOKEN_SECONDS: i64 = 86_400;
/// How long invitations are kept after they ran out, to be sent again: a week.
const EXPIRED_INVITATION_SECONDS: i64 = 7 * 86_400;
/// How long links are kept after they ran out, and accounts wait to be confirmed.
const UNCONFIRMED_SECONDS: i64 = CONFIRM_SECONDS;
/// How long ended leases are kept after they would have run out: a week.
const ENDED_LEASE_SECONDS: i64 = 7 * 86_400;
