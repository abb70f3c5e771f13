//! Data keys and signing keys, wrapped.

use super::run::{Connection, change, execute, find, load, micros, query};
use crate::{
    model::{
        id::{DataKeyId, SigningKeyId},
        instant::Instant,
        owner::Owner,
        sealed::Sealed,
    },
    store::{
        admin::{StoredSigningKey, WrappedDataKey},
        error::StoreError,
        rows::{DataKeyRow, SigningKeyRow},
        sql::{Statement, keys as sql},
    },
};

pub(super) async fn list(
    connection: &mut Connection,
    owner: Owner,
) -> Result<Vec<WrappedDataKey>, StoreError> {
    load::<DataKeyRow, _>(connection, query(&sql::LIST).bind(owner.to_string())).await
}

pub(super) async fn list_all(
    connection: &mut Connection,
    after: Option<DataKeyId>,
    limit: u16,
) -> Result<Vec<WrappedDataKey>, StoreError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    load::<DataKeyRow, _>(connection, query(&sql::LIST_ALL).bind(after).bind(i64::from(limit))).await
}

pub(super) async fn insert(connection: &mut Connection, key: &WrappedDataKey) -> Result<u64, StoreError> {
    let statement = query(&sql::INSERT)
        .bind(key.id.to_string())
        .bind(key.owner.to_string())
        .bind(key.version)
        .bind(key.wrapped.as_bytes().to_vec())
        .bind(key.created_at.micros());
    change(connection, statement, "the owner").await
}

pub(super) async fn rewrap(
    connection: &mut Connection,
    id: DataKeyId,
    from: &Sealed,
    to: &Sealed,
) -> Result<u64, StoreError> {
    let id = id.to_string();
    match swap(connection, &sql::REWRAP, &id, from, to).await? {
        0 => nothing_if_there(connection, &sql::EXISTS, id, "the data key").await,
        touched => Ok(touched),
    }
}

pub(super) async fn list_signing(
    connection: &mut Connection,
    now: Instant,
) -> Result<Vec<StoredSigningKey>, StoreError> {
    load::<SigningKeyRow, _>(connection, query(&sql::LIST_SIGNING).bind(now.micros())).await
}

pub(super) async fn insert_signing(
    connection: &mut Connection,
    key: &StoredSigningKey,
) -> Result<u64, StoreError> {
    let statement = query(&sql::INSERT_SIGNING)
        .bind(key.id.to_string())
        .bind(key.sealed.as_bytes().to_vec())
        .bind(key.public_jwk.clone())
        .bind(key.created_at.micros())
        .bind(key.signs_from.micros())
        .bind(micros(key.retires_at));
    execute(connection, statement).await
}

pub(super) async fn reseal_signing(
    connection: &mut Connection,
    id: SigningKeyId,
    from: &Sealed,
    to: &Sealed,
) -> Result<u64, StoreError> {
    let id = id.to_string();
    match swap(connection, &sql::RESEAL_SIGNING, &id, from, to).await? {
        0 => nothing_if_there(connection, &sql::SIGNING_EXISTS, id, SIGNING_KEY).await,
        touched => Ok(touched),
    }
}

pub(super) async fn another_signs(
    connection: &mut Connection,
    id: SigningKeyId,
    at: Instant,
) -> Result<bool, StoreError> {
    let statement = query(&sql::ANOTHER_SIGNS).bind(id.to_string()).bind(at.micros());
    let row: Option<(String,)> = find(connection, statement).await?;
    Ok(row.is_some())
}

pub(super) async fn retire_signing(
    connection: &mut Connection,
    id: SigningKeyId,
    at: Instant,
) -> Result<u64, StoreError> {
    let statement = query(&sql::RETIRE_SIGNING).bind(id.to_string()).bind(at.micros());
    change(connection, statement, SIGNING_KEY).await
}

async fn swap(
    connection: &mut Connection,
    statement: &Statement,
    id: &str,
    from: &Sealed,
    to: &Sealed,
) -> Result<u64, StoreError> {
    let (from, to) = (from.as_bytes().to_vec(), to.as_bytes().to_vec());
    execute(connection, query(statement).bind(id.to_owned()).bind(from).bind(to)).await
}

async fn nothing_if_there(
    connection: &mut Connection,
    statement: &Statement,
    id: String,
    what: &'static str,
) -> Result<u64, StoreError> {
    let row: Option<(String,)> = find(connection, query(statement).bind(id)).await?;
    row.map(|_| 0).ok_or(StoreError::Missing(what))
}

const SIGNING_KEY: &str = "the signing key";
