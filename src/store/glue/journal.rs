//! Audit chains, records, checkpoints; settings and counters.

use data_encoding::HEXLOWER;

use super::run::{Connection, execute, fetch, find, find_model, load, query, set};
use crate::store::{
    admin::Checkpoint,
    chain::{ChainHead, Entry},
    error::StoreError,
    rows::{ChainRow, CheckpointRow, EntryParameters},
    sql::{audit as sql, settings},
};

pub(super) async fn append(
    connection: &mut Connection,
    from: &ChainHead,
    entries: &[Entry],
) -> Result<(), StoreError> {
    let Some(last) = entries.last() else { return Ok(()) };
    let statement = query(&sql::MOVE_HEAD)
        .bind(from.chain_id.clone())
        .bind(last.seq)
        .bind(HEXLOWER.encode(&last.hash))
        .bind(from.started_at.micros())
        .bind(from.seq)
        .bind(HEXLOWER.encode(&from.hash));
    if execute(connection, statement).await? != 1 {
        return Err(StoreError::Conflict { constraint: "audit_chains_head".to_owned() });
    }
    let records = entries.iter().map(|entry| EntryParameters::of(&from.chain_id, entry));
    execute(connection, set(&sql::APPEND, records)?).await?;
    Ok(())
}

pub(super) async fn lock_head(
    connection: &mut Connection,
    chain: &str,
) -> Result<Option<ChainHead>, StoreError> {
    find_model::<ChainRow, _>(connection, query(&sql::LOCK_HEAD).bind(chain.to_owned())).await
}

pub(super) async fn list_heads(connection: &mut Connection) -> Result<Vec<ChainHead>, StoreError> {
    load::<ChainRow, _>(connection, query(&sql::LIST_HEADS)).await
}

pub(super) async fn read(
    connection: &mut Connection,
    chain: &str,
    after: i64,
    limit: u16,
) -> Result<Vec<(i64, String, String)>, StoreError> {
    fetch(connection, query(&sql::READ).bind(chain.to_owned()).bind(after).bind(i64::from(limit))).await
}

pub(super) async fn put_checkpoint(
    connection: &mut Connection,
    checkpoint: &Checkpoint,
) -> Result<u64, StoreError> {
    let statement = query(&sql::PUT_CHECKPOINT)
        .bind(checkpoint.chain_id.clone())
        .bind(checkpoint.seq)
        .bind(checkpoint.hash.clone())
        .bind(checkpoint.at.micros())
        .bind(checkpoint.key_id.to_string())
        .bind(checkpoint.signature.clone());
    execute(connection, statement).await
}

pub(super) async fn find_checkpoint(
    connection: &mut Connection,
    chain: &str,
) -> Result<Option<Checkpoint>, StoreError> {
    find_model::<CheckpointRow, _>(connection, query(&sql::FIND_CHECKPOINT).bind(chain.to_owned())).await
}

pub(super) async fn find_setting(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = find(connection, query(&settings::FIND).bind(name.to_owned())).await?;
    Ok(row.map(|(value,)| value))
}

pub(super) async fn put_setting(
    connection: &mut Connection,
    name: &str,
    value: &str,
) -> Result<u64, StoreError> {
    execute(connection, query(&settings::PUT).bind(name.to_owned()).bind(value.to_owned())).await
}

/// The next number of a counter; the row stays locked, so numbers are in the order of commits.
pub(super) async fn count(connection: &mut Connection, counter: &'static str) -> Result<i64, StoreError> {
    let row: Option<(i64,)> = find(connection, query(&settings::COUNT).bind(counter)).await?;
    row.map(|(value,)| value).ok_or(StoreError::Missing("a counter"))
}

/// The database's own time in microseconds, where it has one.
pub(super) async fn ping(connection: &mut Connection) -> Result<Option<i64>, StoreError> {
    let row: Option<(Option<i64>,)> = find(connection, query(&settings::PING)).await?;
    Ok(row.and_then(|(micros,)| micros))
}
