//! Binding and executing, in the few shapes that the other files need.

use serde::Serialize;
use sqlx::FromRow;

use super::db::{self, Database};
use crate::{
    model::{
        instant::Instant,
        page::{Cursor, ListQuery, Listed, Page},
    },
    store::{
        error::StoreError,
        sql::{Listing, Statement},
    },
};

/// A connection, in a transaction or not.
pub(super) type Connection = <Database as sqlx::Database>::Connection;
/// A statement with what is bound to it.
pub(super) type Query<'q> = sqlx::query::Query<'q, Database, <Database as sqlx::Database>::Arguments>;
type Row = <Database as sqlx::Database>::Row;

/// A statement to bind values to.
pub(super) fn query<'q>(statement: &Statement) -> Query<'q> {
    sqlx::query(db::text(statement))
}

/// A set statement: the rows become `$1`, or an array for each column.
pub(super) fn set<'q, P: Serialize>(
    statement: &Statement,
    rows: impl IntoIterator<Item = P>,
) -> Result<Query<'q>, StoreError> {
    let rows: Vec<P> = rows.into_iter().collect();
    db::bind_rows(query(statement), statement, &rows)
        .map_err(|error| db::classify(sqlx::Error::Encode(error.into())))
}

/// Executes; answers how many rows were touched.
pub(super) async fn execute(connection: &mut Connection, query: Query<'_>) -> Result<u64, StoreError> {
    let done = query.execute(connection).await.map_err(db::classify)?;
    Ok(done.rows_affected())
}

/// Executes; [`StoreError::Missing`] when no row was touched.
pub(super) async fn change(
    connection: &mut Connection,
    query: Query<'_>,
    what: &'static str,
) -> Result<u64, StoreError> {
    match execute(connection, query).await? {
        0 => Err(StoreError::Missing(what)),
        touched => Ok(touched),
    }
}

/// Every row.
pub(super) async fn fetch<R>(connection: &mut Connection, query: Query<'_>) -> Result<Vec<R>, StoreError>
where
    R: for<'r> FromRow<'r, Row>,
{
    let rows = query.fetch_all(connection).await.map_err(db::classify)?;
    rows.iter().map(|row| R::from_row(row).map_err(db::classify)).collect()
}

/// Every row, as the model has it; the first that does not read back fails all.
pub(super) async fn load<R, M>(connection: &mut Connection, query: Query<'_>) -> Result<Vec<M>, StoreError>
where
    R: for<'r> FromRow<'r, Row> + TryInto<M, Error = StoreError>,
{
    fetch::<R>(connection, query).await?.into_iter().map(TryInto::try_into).collect()
}

/// Every row that reads back; one that does not is logged and left out, so that it costs nobody the others.
pub(super) async fn load_readable<R, M>(
    connection: &mut Connection,
    query: Query<'_>,
) -> Result<Vec<M>, StoreError>
where
    R: for<'r> FromRow<'r, Row> + TryInto<M, Error = StoreError>,
{
    Ok(readable(fetch::<R>(connection, query).await?).collect())
}

/// The rows that read back; the others are logged, by their keys alone.
pub(super) fn readable<R, M>(rows: Vec<R>) -> impl Iterator<Item = M>
where
    R: TryInto<M, Error = StoreError>,
{
    let log = |error: &StoreError| tracing::error!(%error, "a row is left out");
    rows.into_iter().filter_map(move |row| row.try_into().inspect_err(log).ok())
}

/// The row there may be.
pub(super) async fn find<R>(connection: &mut Connection, query: Query<'_>) -> Result<Option<R>, StoreError>
where
    R: for<'r> FromRow<'r, Row>,
{
    let row = query.fetch_optional(connection).await.map_err(db::classify)?;
    row.as_ref().map(R::from_row).transpose().map_err(db::classify)
}

/// The row there may be, as the model has it.
pub(super) async fn find_model<R, M>(
    connection: &mut Connection,
    query: Query<'_>,
) -> Result<Option<M>, StoreError>
where
    R: for<'r> FromRow<'r, Row> + TryInto<M, Error = StoreError>,
{
    find::<R>(connection, query).await?.map(TryInto::try_into).transpose()
}

/// One page of a list; `bind` binds the filters. Rows that don't read back are logged and left out.
pub(super) async fn list<R, M, F>(
    connection: &mut Connection,
    listing: &Listing,
    wanted: &ListQuery<F>,
    bind: impl FnOnce(Query<'static>) -> Query<'static>,
) -> Result<Page<M, Cursor>, StoreError>
where
    R: for<'r> FromRow<'r, Row> + TryInto<M, Error = StoreError>,
    M: Listed,
{
    let walk = listing.walk(wanted.order).ok_or(StoreError::Missing("the order of the list"))?;
    let statement = if wanted.after.is_some() { &walk.after } else { &walk.first };
    let size = usize::from(wanted.size.items());
    // One more than asked for tells whether a page follows.
    let mut statement = bind(query(statement).bind(i64::from(wanted.size.items()) + 1));
    if let Some(Cursor { key, id }) = wanted.after.clone() {
        statement = statement.bind(key).bind(id);
    }
    let mut rows: Vec<R> = fetch(connection, statement).await?;
    let more = rows.len() > size;
    rows.truncate(size);
    let items: Vec<M> = readable(rows).collect();
    let next = items.last().filter(|_| more).map(|last| last.cursor(wanted.order.key));
    Ok(Page { items, next })
}

/// An instant that may be missing, to bind.
pub(super) fn micros(at: Option<Instant>) -> Option<i64> {
    at.map(Instant::micros)
}

/// An id that may be missing, to bind.
pub(super) fn text<T: ToString>(id: Option<T>) -> Option<String> {
    id.map(|id| id.to_string())
}
