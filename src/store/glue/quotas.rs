//! Counters of live leases, and idempotency keys.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::run::{Connection, execute, fetch, load, query, set};
use crate::{
    model::{instant::Instant, principal::Principal},
    store::{
        backend::UsedKey,
        error::StoreError,
        rows::{Place, UsedKeyRow},
        sql::quotas as sql,
    },
};

pub(super) async fn lock(
    connection: &mut Connection,
    principals: &[Principal],
) -> Result<Vec<(Principal, i64)>, StoreError> {
    #[derive(Serialize)]
    struct Key {
        principal: String,
    }
    if principals.is_empty() {
        return Ok(Vec::new());
    }
    let keys = || sorted(principals).into_iter().map(|principal| Key { principal });
    let locked = counters(connection, &sql::LOCK, keys()).await?;
    if locked.len() == keys().count() {
        return Ok(locked);
    }
    execute(connection, set(&sql::CREATE, keys())?).await?;
    counters(connection, &sql::LOCK, keys()).await
}

async fn counters<P: Serialize>(
    connection: &mut Connection,
    statement: &crate::store::sql::Statement,
    keys: impl Iterator<Item = P>,
) -> Result<Vec<(Principal, i64)>, StoreError> {
    fetch(connection, set(statement, keys)?).await?.into_iter().map(counter).collect()
}

pub(super) async fn shift(
    connection: &mut Connection,
    deltas: &[(Principal, i64)],
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Delta {
        whose: String,
        delta: i64,
    }
    if deltas.is_empty() {
        return Ok(());
    }
    // A statement touches a row once: what moves the same counter is added up before.
    let mut sums: BTreeMap<Principal, i64> = BTreeMap::new();
    for (principal, delta) in deltas {
        *sums.entry(*principal).or_default() += delta;
    }
    let rows = sums.into_iter().map(|(principal, delta)| Delta { whose: principal.to_string(), delta });
    execute(connection, set(&sql::MOVE, rows)?).await?;
    Ok(())
}

pub(super) async fn total(connection: &mut Connection) -> Result<i64, StoreError> {
    let rows: Vec<(i64,)> = fetch(connection, query(&sql::TOTAL)).await?;
    Ok(rows.first().map_or(0, |(total,)| *total))
}

pub(super) async fn used_keys(
    connection: &mut Connection,
    keys: &[(Principal, String)],
    since: Instant,
) -> Result<Vec<UsedKey>, StoreError> {
    #[derive(Serialize)]
    struct Key<'a> {
        principal: String,
        key: &'a str,
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = keys.iter().map(|(principal, key)| Key { principal: principal.to_string(), key });
    load::<UsedKeyRow, _>(connection, set(&sql::USED_KEYS, rows)?.bind(since.micros())).await
}

pub(super) async fn insert_keys(
    connection: &mut Connection,
    keys: &[UsedKey],
    now: Instant,
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Parameters<'a> {
        principal: String,
        key: &'a str,
        digest: &'a str,
        lease_id: String,
    }
    if keys.is_empty() {
        return Ok(());
    }
    let rows = keys.iter().map(|used| Parameters {
        principal: used.principal.to_string(),
        key: &used.idempotency.key,
        digest: &used.idempotency.digest,
        lease_id: used.lease_id.to_string(),
    });
    let statement =
        set(&sql::INSERT_KEYS, rows)?.bind(now.micros()).bind(now.plus_seconds(-KEY_SECONDS).micros());
    let inserted = execute(connection, statement).await?;
    // Another transaction used one of the keys since they were read: the same batch finds it when it is tried again.
    if inserted == keys.len() as u64 { Ok(()) } else { Err(StoreError::Serialization(Arc::new(KeyTaken))) }
}

/// Removes keys that ran out long ago.
pub(super) async fn prune_keys(
    connection: &mut Connection,
    before: Instant,
    limit: u16,
) -> Result<u64, StoreError> {
    let before = before.plus_seconds(-KEY_SECONDS).micros();
    execute(connection, query(&sql::PRUNE_KEYS).bind(before).bind(i64::from(limit))).await
}

fn sorted(principals: &[Principal]) -> Vec<String> {
    let mut texts: Vec<String> = principals.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn counter((principal, live): (String, i64)) -> Result<(Principal, i64), StoreError> {
    let parsed = Place { table: "lease_quotas", row: &principal }.parse("principal", &principal)?;
    Ok((parsed, live))
}

#[derive(Debug, thiserror::Error)]
#[error("an idempotency key was used by another transaction meanwhile")]
struct KeyTaken;

/// How long an idempotency key stands.
const KEY_SECONDS: i64 = 86_400;
