//! Audit chains, records, checkpoints; settings and counters.

use data_encoding::HEXLOWER;

use super::run::{Connection, Query, execute, fetch, find, find_model, load, query, set, text};
use crate::{
    model::{audit::EventName, instant::Instant, page::Page},
    store::{
        admin::Checkpoint,
        audit::{AuditFilter, AuditOrder, AuditPosition, AuditQuery},
        chain::{CHAIN_HEAD, ChainHead, Entry, StoredEntry},
        error::StoreError,
        rows::{ChainRow, CheckpointRow, EntryParameters, EntryRow},
        sql::{audit as sql, settings},
    },
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
        return Err(StoreError::Conflict { constraint: CHAIN_HEAD.to_owned() });
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
    let rows: Vec<ChainRow> = fetch(connection, query(&sql::LIST_HEADS)).await?;
    Ok(rows.into_iter().map(ChainRow::into_found).collect())
}

pub(super) async fn headless(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = fetch(connection, query(&sql::HEADLESS)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(super) async fn read(
    connection: &mut Connection,
    chain: &str,
    after: i64,
    limit: u16,
) -> Result<Vec<StoredEntry>, StoreError> {
    let statement = query(&sql::READ).bind(chain.to_owned()).bind(after).bind(i64::from(limit));
    load::<EntryRow, _>(connection, statement).await
}

/// One page, and where the next begins. Looks at a bounded stretch of records, unless the target's index leads to them.
pub(super) async fn query_records(
    connection: &mut Connection,
    wanted: &AuditQuery,
) -> Result<Page<StoredEntry, AuditPosition>, StoreError> {
    let backward = wanted.order == AuditOrder::NewestFirst;
    let after = wanted.after.clone().unwrap_or_else(|| wanted.order.start());
    let end = match wanted.filter.target {
        Some(_) => None,
        None => end_of_stretch(connection, wanted, &after).await?,
    };
    let to = end.clone().unwrap_or_else(|| wanted.order.end());
    let statement = match (&wanted.filter.target, backward) {
        (None, true) => &sql::PAGE_BACK,
        (None, false) => &sql::PAGE_ON,
        (Some(_), true) => &sql::PAGE_OF_BACK,
        (Some(_), false) => &sql::PAGE_OF_ON,
    };
    let AuditFilter { actor, target, owner, event, outcome, request_id, .. } = &wanted.filter;
    let statement = bound_by(query(statement), wanted, &after)
        .bind(to.at.micros())
        .bind(to.chain_id)
        .bind(to.seq)
        .bind(actor.clone())
        .bind(text(*owner))
        .bind(event.map(EventName::as_str))
        .bind(text(outcome.clone()))
        .bind(request_id.clone())
        .bind(target.clone())
        .bind(i64::from(wanted.size.items()) + 1);
    let mut items: Vec<StoredEntry> = load::<EntryRow, _>(connection, statement).await?;
    let more = items.len() > usize::from(wanted.size.items());
    items.truncate(wanted.size.items().into());
    let next = if more { items.last().map(AuditPosition::of) } else { end };
    Ok(Page { items, next })
}

/// Where a stretch ends, when more records lie beyond.
async fn end_of_stretch(
    connection: &mut Connection,
    wanted: &AuditQuery,
    after: &AuditPosition,
) -> Result<Option<AuditPosition>, StoreError> {
    let statement = match wanted.order {
        AuditOrder::NewestFirst => &sql::STRETCH_BACK,
        AuditOrder::OldestFirst => &sql::STRETCH_ON,
    };
    let statement = bound_by(query(statement), wanted, after).bind(STRETCH - 1);
    let found: Option<(i64, String, i64)> = find(connection, statement).await?;
    Ok(found.map(|(at, chain_id, seq)| AuditPosition { at: Instant::from_micros(at), chain_id, seq }))
}

fn bound_by<'q>(query: Query<'q>, wanted: &AuditQuery, after: &AuditPosition) -> Query<'q> {
    let since = wanted.filter.since.map_or(i64::MIN, Instant::micros);
    let until = wanted.filter.until.map_or(i64::MAX, Instant::micros);
    query.bind(since).bind(until).bind(after.at.micros()).bind(after.chain_id.clone()).bind(after.seq)
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
        .bind(checkpoint.signature.clone())
        .bind(checkpoint.previous);
    execute(connection, statement).await
}

pub(super) async fn list_checkpoints(
    connection: &mut Connection,
    chain: &str,
    after: i64,
    limit: u16,
) -> Result<Vec<Checkpoint>, StoreError> {
    let statement = query(&sql::LIST_CHECKPOINTS).bind(chain.to_owned()).bind(after).bind(i64::from(limit));
    load::<CheckpointRow, _>(connection, statement).await
}

pub(super) async fn newest_checkpoints(
    connection: &mut Connection,
    chains: u16,
) -> Result<Vec<Checkpoint>, StoreError> {
    load::<CheckpointRow, _>(connection, query(&sql::NEWEST_CHECKPOINTS).bind(i64::from(chains))).await
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

/// How the database is set up: names and values.
pub(super) async fn server_settings(
    connection: &mut Connection,
) -> Result<Vec<(String, String)>, StoreError> {
    fetch(connection, query(&settings::SERVER)).await
}

/// The last number that a counter gave out.
pub(super) async fn counted(connection: &mut Connection, counter: &'static str) -> Result<i64, StoreError> {
    let row: Option<(i64,)> = find(connection, query(&settings::COUNTED).bind(counter)).await?;
    row.map(|(value,)| value).ok_or(StoreError::Missing("a counter"))
}

/// The database's own time in microseconds, where it has one.
pub(super) async fn ping(connection: &mut Connection) -> Result<Option<i64>, StoreError> {
    let row: Option<(Option<i64>,)> = find(connection, query(&settings::PING)).await?;
    Ok(row.and_then(|(micros,)| micros))
}

/// How many records one query looks at.
const STRETCH: i64 = 10_000;
