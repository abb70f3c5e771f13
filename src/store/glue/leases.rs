//! Leases, their sources and their facts.

use std::collections::BTreeSet;

use super::{
    db,
    run::{Connection, Query, execute, fetch, find, load, load_readable, query, readable, set},
};
use crate::{
    model::{
        id::{LeaseId, UserId},
        instant::Instant,
        lease::{Lease, LeaseState, LeaseStatus},
        organization::{Role, SharingRule},
        page::Page,
        principal::Principal,
        resolution::{Entitlement, Source},
        standing::LeaseFacts,
    },
    store::{
        admin::LeasesOf,
        backend::{LeaseQuery, NewLease},
        error::StoreError,
        rows::{
            EntitlementRow, LeaseParameters, LeaseRenewal, LeaseRow, LeaseUpdate, Place, SourceParameters,
            SourceRow, SourceUpdate, by_id,
        },
        sql::leases as sql,
    },
};
use serde::Serialize;

pub(super) async fn lock(
    connection: &mut Connection,
    ids: &[LeaseId],
) -> Result<Vec<LeaseFacts>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    if db::LOCKS_ROWS {
        execute(connection, set(&sql::LOCK, by_id(ids))?).await?;
    }
    facts(connection, ids).await
}

pub(super) async fn facts(
    connection: &mut Connection,
    ids: &[LeaseId],
) -> Result<Vec<LeaseFacts>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load_readable::<LeaseRow, _>(connection, set(&sql::FACTS, by_id(ids))?).await
}

pub(super) async fn sources(
    connection: &mut Connection,
    ids: &[LeaseId],
) -> Result<Vec<(LeaseId, Source)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load::<SourceRow, _>(connection, set(&sql::SOURCES, by_id(ids))?).await
}

pub(super) async fn entitlements(
    connection: &mut Connection,
    ids: &[LeaseId],
) -> Result<Vec<(LeaseId, Source, Entitlement)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load::<EntitlementRow, _>(connection, set(&sql::ENTITLEMENTS, by_id(ids))?).await
}

pub(super) async fn reusable(
    connection: &mut Connection,
    keys: &[(Principal, String)],
    now: Instant,
) -> Result<Vec<(Principal, String, LeaseId)>, StoreError> {
    #[derive(Serialize)]
    struct Key<'a> {
        principal: String,
        reuse_key: &'a str,
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let parameters =
        keys.iter().map(|(principal, reuse_key)| Key { principal: principal.to_string(), reuse_key });
    let statement = set(&sql::REUSABLE, parameters)?.bind(now.micros());
    let rows: Vec<(String, String, String)> = fetch(connection, statement).await?;
    let parse = |(principal, reuse_key, id): (String, String, String)| {
        let place = Place { table: "leases", row: &id };
        Ok((place.parse("principal", &principal)?, reuse_key, place.parse("id", &id)?))
    };
    rows.into_iter().map(parse).collect()
}

/// Chosen without a lock, then locked and judged again: another replica may have been faster.
pub(super) async fn lock_due(
    connection: &mut Connection,
    now: Instant,
    limit: u16,
) -> Result<Vec<LeaseFacts>, StoreError> {
    let statement =
        query(&sql::DUE).bind(now.micros()).bind(i64::from(limit)).bind(DUE_WINDOW.max(limit.into()));
    let rows = fetch(connection, statement).await?;
    lock_if_due(connection, rows, now).await
}

pub(super) async fn lock_due_of(
    connection: &mut Connection,
    principals: &[Principal],
    now: Instant,
) -> Result<Vec<LeaseFacts>, StoreError> {
    #[derive(Serialize)]
    struct Key {
        principal: String,
    }
    let keys = principals.iter().map(|principal| Key { principal: principal.to_string() });
    let rows = fetch(connection, set(&sql::DUE_OF, keys)?.bind(now.micros())).await?;
    lock_if_due(connection, rows, now).await
}

async fn lock_if_due(
    connection: &mut Connection,
    rows: Vec<(String,)>,
    now: Instant,
) -> Result<Vec<LeaseFacts>, StoreError> {
    let parse = |(id,): (String,)| Place { table: "leases", row: &id }.parse("id", &id);
    let ids: Vec<LeaseId> = rows.into_iter().map(parse).collect::<Result<_, _>>()?;
    let mut due = lock(connection, &ids).await?;
    due.retain(|facts| facts.lease.state == LeaseState::Active && facts.lease.expires_at <= now);
    Ok(due)
}

pub(super) async fn insert(connection: &mut Connection, leases: &[NewLease]) -> Result<(), StoreError> {
    if leases.is_empty() {
        return Ok(());
    }
    execute(connection, set(&sql::INSERT, leases.iter().map(LeaseParameters::from))?).await?;
    let sources = leases.iter().flat_map(SourceParameters::of);
    execute(connection, set(&sql::INSERT_SOURCES, sources)?).await?;
    Ok(())
}

pub(super) async fn update(connection: &mut Connection, leases: &[Lease]) -> Result<(), StoreError> {
    let (active, ended): (Vec<&Lease>, Vec<&Lease>) =
        leases.iter().partition(|lease| lease.state == LeaseState::Active);
    let mut touched = 0;
    if !active.is_empty() {
        touched += execute(connection, set(&sql::RENEW, active.into_iter().map(LeaseRenewal::from))?).await?;
    }
    if !ended.is_empty() {
        touched += execute(connection, set(&sql::UPDATE, ended.into_iter().map(LeaseUpdate::from))?).await?;
    }
    if touched == leases.len() as u64 { Ok(()) } else { Err(StoreError::Missing("a lease")) }
}

pub(super) async fn update_sources(
    connection: &mut Connection,
    sources: &[(LeaseId, Source)],
) -> Result<(), StoreError> {
    if sources.is_empty() {
        return Ok(());
    }
    let updates = sources.iter().map(SourceUpdate::from);
    let touched = execute(connection, set(&sql::UPDATE_SOURCES, updates)?).await?;
    if touched == sources.len() as u64 { Ok(()) } else { Err(StoreError::Missing("a lease's source")) }
}

/// Live leases at `now`.
pub(super) async fn count(
    connection: &mut Connection,
    of: LeasesOf,
    now: Instant,
) -> Result<i64, StoreError> {
    let counting = |statement, id: String| query(statement).bind(id).bind(now.micros());
    let statement = match of {
        LeasesOf::Client(id) => counting(&sql::COUNT_OF_PRINCIPAL, id.to_string()),
        LeasesOf::Credential(id) => counting(&sql::COUNT_OF_CREDENTIAL, id.to_string()),
        LeasesOf::Membership(organization, user) => {
            counting(&sql::COUNT_OF_MEMBERSHIP, organization.to_string()).bind(user.to_string())
        }
        LeasesOf::MembershipBeyond(organization, user, role) => {
            let statement = counting(&sql::SHARING_OF_MEMBERSHIP, organization.to_string());
            return count_beyond(connection, statement.bind(user.to_string()), user, role).await;
        }
        LeasesOf::Organization(id) => counting(&sql::COUNT_OF_ORGANIZATION, id.to_string()),
        LeasesOf::Token(id) => counting(&sql::COUNT_OF_TOKEN, id.to_string()),
        LeasesOf::User(id) => counting(&sql::COUNT_OF_USER, id.to_string()),
    };
    let row: Option<(i64,)> = find(connection, statement).await?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Leases with a source whose sharing rule does not admit the role.
async fn count_beyond(
    connection: &mut Connection,
    statement: Query<'_>,
    user: UserId,
    role: Role,
) -> Result<i64, StoreError> {
    let rows: Vec<(String, Option<String>)> = fetch(connection, statement).await?;
    let carried = |sharing: &Option<String>| {
        let shared: Option<SharingRule> = sharing.as_deref().and_then(|text| serde_json::from_str(text).ok());
        shared.is_some_and(|rule| rule.admits(role, Some(user)))
    };
    let lost: BTreeSet<String> =
        rows.into_iter().filter(|(_, sharing)| !carried(sharing)).map(|(lease, _)| lease).collect();
    Ok(i64::try_from(lost.len()).unwrap_or(i64::MAX))
}

pub(super) async fn list(
    connection: &mut Connection,
    wanted: &LeaseQuery,
) -> Result<Page<LeaseFacts, LeaseId>, StoreError> {
    let LeaseQuery { principal, now, status, service, server_id, after, size } = wanted;
    let statement = query(&sql::LIST)
        .bind(principal.to_string())
        .bind(now.micros())
        .bind(status.map(LeaseStatus::as_str))
        .bind(service.as_ref().map(ToString::to_string))
        .bind(server_id.clone())
        .bind(after.map(|id| id.to_string()))
        .bind(i64::from(size.items()) + 1);
    let mut rows: Vec<LeaseRow> = fetch(connection, statement).await?;
    let more = rows.len() > usize::from(size.items());
    rows.truncate(size.items().into());
    let next = rows.last().filter(|_| more).map(LeaseRow::lease_id).transpose()?;
    Ok(Page { items: readable(rows).collect(), next })
}

/// Removes leases that ended and would have run out before `before`.
pub(super) async fn prune(
    connection: &mut Connection,
    before: Instant,
    limit: u16,
) -> Result<u64, StoreError> {
    let statement = query(&sql::PRUNABLE).bind(before.micros()).bind(i64::from(limit));
    let ids: Vec<(String,)> = fetch(connection, statement).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let ids: Vec<String> = ids.into_iter().map(|(id,)| id).collect();
    execute(connection, set(&sql::DELETE_SOURCES, by_id(&ids))?).await?;
    execute(connection, set(&sql::DELETE, by_id(&ids))?).await
}

/// Of the leases that are due longest, so many are shared out between owners: bounds the work of one sweep.
const DUE_WINDOW: i64 = 4_096;
