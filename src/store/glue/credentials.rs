//! Credentials, and the holdings made of them.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    doubts::{self, Doubted},
    people,
    run::{
        Connection, Query, change as run_change, execute, fetch, find, list as list_rows, load_readable,
        micros, query, set,
    },
};
use crate::{
    model::{
        catalog::issuing::IssuerKind,
        credential::{Credential, CredentialFilter, CredentialStatus, FieldNames, Holder},
        holdings::{Holdings, OrganizationHoldings, Subject, UnreadableCredential},
        id::{CredentialId, OrganizationId},
        instant::Instant,
        organization::{Role, SharingRule},
        owner::Owner,
        page::{Cursor, ListQuery, Page},
        sealed::Sealed,
    },
    store::{
        admin::CredentialPatch,
        error::StoreError,
        rows::{CredentialRow, Place, by_id},
        sql::credentials as sql,
    },
};

/// Everything in the connection's snapshot. A corrupt credential is set apart, so that it costs nobody the others.
pub(super) async fn load_holdings(
    connection: &mut Connection,
    subject: Subject,
) -> Result<Holdings, StoreError> {
    let mut organizations = match subject {
        Subject::Operator => Vec::new(),
        Subject::OrganizationClient { organization_id, role } => {
            own_organization(connection, organization_id, role).await?
        }
        Subject::User(id) => people::memberships(connection, id).await?,
    };
    let person = subject.user_id().map(Owner::User);
    let shared = organizations.iter().map(|holdings| Owner::Organization(holdings.organization_id));
    let owners: Vec<Owner> = person.into_iter().chain(shared).collect();
    let (mut credentials, unreadable) = list(connection, &owners).await?;
    for holdings in &mut organizations {
        let owner = Owner::Organization(holdings.organization_id);
        holdings.credentials = credentials.remove(&owner).unwrap_or_default();
    }
    let personal = person.and_then(|owner| credentials.remove(&owner)).unwrap_or_default();
    let revisions = people::revisions(connection, &owners).await?;
    Ok(Holdings { subject, personal, organizations, unreadable, revisions })
}

async fn own_organization(
    connection: &mut Connection,
    organization_id: OrganizationId,
    role: Role,
) -> Result<Vec<OrganizationHoldings>, StoreError> {
    let found = people::find_organization(connection, organization_id).await?;
    let holdings = found.map(|(name, status, epoch)| OrganizationHoldings {
        organization_id,
        name,
        status,
        epoch,
        role,
        membership_epoch: None,
        credentials: Vec::new(),
    });
    Ok(holdings.into_iter().collect())
}

async fn list(
    connection: &mut Connection,
    owners: &[Owner],
) -> Result<(HashMap<Owner, Vec<Credential>>, Vec<UnreadableCredential>), StoreError> {
    #[derive(Serialize)]
    struct ByOwner {
        owner: String,
    }
    let (mut by_owner, mut unreadable): (HashMap<Owner, Vec<Credential>>, Vec<_>) = Default::default();
    if owners.is_empty() {
        return Ok((by_owner, unreadable));
    }
    let owners = owners.iter().map(|owner| ByOwner { owner: owner.to_string() });
    let rows = fetch::<CredentialRow>(connection, set(&sql::LIST, owners)?).await?;
    for row in rows {
        match row.read() {
            Ok(credential) => by_owner.entry(credential.owner).or_default().push(credential),
            Err((outline, error)) => {
                tracing::error!(%error, "a credential cannot be read");
                unreadable.extend(outline);
            }
        }
    }
    Ok((by_owner, unreadable))
}

pub(super) async fn load(
    connection: &mut Connection,
    ids: &[CredentialId],
) -> Result<Vec<Result<Credential, StoreError>>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = fetch::<CredentialRow>(connection, set(&sql::FIND, by_id(ids))?).await?;
    Ok(rows.into_iter().map(Credential::try_from).collect())
}

pub(super) async fn list_to_reseal(
    connection: &mut Connection,
    owner: Owner,
    after: Option<CredentialId>,
    limit: u16,
) -> Result<Vec<Credential>, StoreError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let statement = query(&sql::LIST_TO_RESEAL).bind(owner.to_string()).bind(after).bind(i64::from(limit));
    load_readable::<CredentialRow, _>(connection, statement).await
}

pub(super) async fn insert(connection: &mut Connection, credential: &Credential) -> Result<u64, StoreError> {
    people::raise_revision(connection, credential.owner).await?;
    let (owner, service) = (credential.owner.to_string(), credential.service.to_string());
    if credential.primary {
        execute(connection, query(&sql::DEMOTE).bind(owner.clone()).bind(service.clone())).await?;
    }
    let statement = query(&sql::INSERT)
        .bind(credential.id.to_string())
        .bind(owner)
        .bind(service)
        .bind(credential.account.to_string())
        .bind(credential.primary)
        .bind(credential.status.as_str())
        .bind(sharing_json(&credential.sharing))
        .bind(credential.epoch)
        .bind(credential.version)
        .bind(credential.sealed.as_bytes().to_vec())
        .bind(key_id(&credential.sealed))
        .bind(micros(credential.expires_at))
        .bind(credential.created_at.micros())
        .bind(credential.fields.as_str().to_owned())
        .bind(credential.issuer.as_str())
        .bind(credential.identity.clone());
    execute(connection, statement).await
}

/// A page of credentials, of everybody or of one owner.
pub(super) async fn list_page(
    connection: &mut Connection,
    wanted: &ListQuery<CredentialFilter>,
) -> Result<Page<Credential, Cursor>, StoreError> {
    let CredentialFilter { owner, service, status } = &wanted.filter;
    let service = service.as_ref().map(ToString::to_string);
    let filters = |query: Query<'static>| query.bind(service).bind(status.map(CredentialStatus::as_str));
    match owner {
        None => list_rows::<CredentialRow, _, _>(connection, &sql::LIST_ALL, wanted, filters).await,
        Some(owner) => {
            let filters = |query| filters(query).bind(owner.to_string());
            list_rows::<CredentialRow, _, _>(connection, &sql::LIST_OF_OWNER, wanted, filters).await
        }
    }
}

pub(super) async fn update(
    connection: &mut Connection,
    id: CredentialId,
    patch: &CredentialPatch,
) -> Result<u64, StoreError> {
    let CredentialPatch { sharing, status, becomes_primary } = patch;
    if *becomes_primary {
        make_primary(connection, id).await?;
    }
    if let Some(sharing) = sharing {
        set_sharing(connection, id, sharing).await?;
    }
    if let Some(status) = status {
        set_status(connection, id, *status).await?;
    }
    if exists(connection, id).await? { Ok(1) } else { Err(StoreError::Missing(CREDENTIAL)) }
}

/// What the bare service name means changes, nobody's entitlement: only the owner's revision rises.
async fn make_primary(connection: &mut Connection, id: CredentialId) -> Result<(), StoreError> {
    let found: Option<(String, String)> =
        find(connection, query(&sql::FIND_SERVICE).bind(id.to_string())).await?;
    let (owner, service) = found.ok_or(StoreError::Missing(CREDENTIAL))?;
    execute(connection, query(&sql::DEMOTE).bind(owner.clone()).bind(service)).await?;
    execute(connection, query(&sql::MAKE_PRIMARY).bind(id.to_string())).await?;
    let owner = Place { table: "credentials", row: &id.to_string() }.parse("owner", &owner)?;
    people::raise_revision(connection, owner).await.map(drop)
}

pub(super) async fn count_by_service(connection: &mut Connection) -> Result<Vec<(String, i64)>, StoreError> {
    fetch(connection, query(&sql::COUNT_BY_SERVICE)).await
}

pub(super) async fn holders(
    connection: &mut Connection,
    id: CredentialId,
    now: Instant,
) -> Result<Vec<Holder>, StoreError> {
    let row = id.to_string();
    let rows: Vec<(Option<String>, Option<String>, i64)> =
        fetch(connection, query(&sql::HOLDERS).bind(row.clone()).bind(now.micros())).await?;
    let place = Place { table: "leases", row: &row };
    let holder = |(user, role, leases): (Option<String>, Option<String>, i64)| {
        let user = place.parse_some("user_id", user.as_deref())?;
        Ok(Holder { user, role: place.parse_some("role", role.as_deref())?, leases })
    };
    rows.into_iter().map(holder).collect()
}

pub(super) async fn has_revision(
    connection: &mut Connection,
    id: CredentialId,
    revision: i64,
) -> Result<bool, StoreError> {
    let row: Option<(String,)> =
        find(connection, query(&sql::HAS_REVISION).bind(id.to_string()).bind(revision)).await?;
    Ok(row.is_some())
}

/// A new value of a credential.
pub(super) struct NewValue<'a> {
    pub(super) version: i64,
    pub(super) sealed: &'a Sealed,
    pub(super) expires_at: Option<Instant>,
    pub(super) fields: &'a FieldNames,
    pub(super) issuer: IssuerKind,
    pub(super) at: Instant,
}

pub(super) async fn rotate(
    connection: &mut Connection,
    id: CredentialId,
    value: NewValue<'_>,
) -> Result<u64, StoreError> {
    let NewValue { version, sealed, expires_at, fields, issuer, at } = value;
    let statement = query(&sql::ROTATE)
        .bind(id.to_string())
        .bind(version)
        .bind(sealed.as_bytes().to_vec())
        .bind(key_id(sealed))
        .bind(micros(expires_at))
        .bind(fields.as_str().to_owned())
        .bind(at.micros())
        .bind(issuer.as_str());
    let owner: Option<(String,)> = find(connection, statement).await?;
    if owner.is_none() && exists(connection, id).await? {
        return Err(StoreError::Conflict { constraint: "credentials_version".to_owned() });
    }
    raise(connection, id, owner).await
}

pub(super) async fn set_status(
    connection: &mut Connection,
    id: CredentialId,
    status: CredentialStatus,
) -> Result<u64, StoreError> {
    let statement = query(&sql::SET_STATUS).bind(id.to_string()).bind(status.as_str());
    let owner = find(connection, statement).await?;
    raise(connection, id, owner).await
}

/// What the service says of it; 0 when its owner switched it off.
pub(super) async fn set_condition(
    connection: &mut Connection,
    id: CredentialId,
    status: CredentialStatus,
    reason: Option<&str>,
) -> Result<u64, StoreError> {
    let statement = query(&sql::SET_CONDITION)
        .bind(id.to_string())
        .bind(status.as_str())
        .bind(reason.map(ToOwned::to_owned));
    match find(connection, statement).await? {
        None if exists(connection, id).await? => Ok(0),
        owner => raise(connection, id, owner).await,
    }
}

pub(super) async fn set_identity(
    connection: &mut Connection,
    id: CredentialId,
    identity: &str,
) -> Result<u64, StoreError> {
    let statement = query(&sql::SET_IDENTITY).bind(id.to_string()).bind(identity.to_owned());
    run_change(connection, statement, CREDENTIAL).await
}

pub(super) async fn set_sharing(
    connection: &mut Connection,
    id: CredentialId,
    sharing: &SharingRule,
) -> Result<u64, StoreError> {
    let statement = query(&sql::SET_SHARING).bind(id.to_string()).bind(sharing_json(sharing));
    let owner = find(connection, statement).await?;
    raise(connection, id, owner).await
}

pub(super) async fn delete(connection: &mut Connection, id: CredentialId) -> Result<u64, StoreError> {
    let deleted: Option<(String, String)> =
        find(connection, query(&sql::DELETE).bind(id.to_string())).await?;
    let (owner, service) = deleted.unzip();
    if let Some((owner, service)) = owner.clone().zip(service) {
        execute(connection, query(&sql::PROMOTE).bind(owner).bind(service)).await?;
    }
    raise(connection, id, owner.map(|owner| (owner,))).await
}

/// The same value in another envelope; 0 when it is no longer `from`.
pub(super) async fn reseal(
    connection: &mut Connection,
    id: CredentialId,
    from: &Sealed,
    to: &Sealed,
) -> Result<u64, StoreError> {
    let statement = query(&sql::RESEAL)
        .bind(id.to_string())
        .bind(from.as_bytes().to_vec())
        .bind(to.as_bytes().to_vec())
        .bind(key_id(to));
    let touched = execute(connection, statement).await?;
    if touched > 0 || exists(connection, id).await? {
        Ok(touched)
    } else {
        Err(StoreError::Missing(CREDENTIAL))
    }
}

async fn exists(connection: &mut Connection, id: CredentialId) -> Result<bool, StoreError> {
    let row: Option<(String,)> = find(connection, query(&sql::EXISTS).bind(id.to_string())).await?;
    Ok(row.is_some())
}

/// A credential changed: its owner's revision rises, and the leases that rest on it are doubted.
async fn raise(
    connection: &mut Connection,
    id: CredentialId,
    owner: Option<(String,)>,
) -> Result<u64, StoreError> {
    let (owner,) = owner.ok_or(StoreError::Missing(CREDENTIAL))?;
    let owner = Place { table: "credentials", row: &id.to_string() }.parse("owner", &owner)?;
    doubts::raise(connection, Doubted::Credential(id), 0).await?;
    people::raise_revision(connection, owner).await
}

pub(super) fn key_id(sealed: &Sealed) -> String {
    sealed.envelope().map(|envelope| envelope.key_id.to_owned()).unwrap_or_default()
}

pub(super) fn sharing_json(sharing: &SharingRule) -> String {
    #[expect(clippy::expect_used, reason = "a list of texts always serialises")]
    serde_json::to_string(sharing).expect("a sharing rule serialises")
}

const CREDENTIAL: &str = "the credential";
