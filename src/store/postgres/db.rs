//! What is particular to PostgreSQL: which text, how a transaction begins, who waits for whom, what an error means.
//!
//! Transactions read committed. One that judges (whether a token stands, a lease holds, a revision moved) takes the
//! advisory lock [`JUDGES`] shared; a decisive change takes it alone. So a change waits for the judgements under way, and
//! what is judged after its commit sees it. Rows that batches of other processes write are locked one by one.

use std::sync::Arc;

use serde::Serialize;
use sqlx::postgres::PgDatabaseError;

use super::{
    columns,
    run::{Connection, Query},
};
use crate::store::{error::StoreError, sql::Statement};

/// The driver.
pub(super) type Database = sqlx::Postgres;

/// Whether rows are locked one by one.
pub(super) const LOCKS_ROWS: bool = true;
/// Read committed, as the session says.
pub(super) const BEGIN_WRITING: &str = "BEGIN";
/// Every statement sees the moment of the first.
pub(super) const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The statement's text.
pub(super) const fn text(statement: &Statement) -> &'static str {
    statement.postgres
}

/// The rows of a set statement, as an array for each of its columns, or as one JSON array.
pub(super) fn bind_rows<'q, P: Serialize>(
    query: Query<'q>,
    statement: &Statement,
    rows: &[P],
) -> Result<Query<'q>, serde_json::Error> {
    if statement.columns.is_empty() {
        return Ok(query.bind(serde_json::to_string(rows)?));
    }
    let columns = columns::of(statement, rows)?;
    Ok(columns.into_iter().fold(query, |query, column| column.bind(query)))
}

/// No decisive change commits from now to the end of this transaction.
pub(super) async fn hold_off_changes(connection: &mut Connection) -> Result<(), StoreError> {
    let lock = sqlx::query("-- judges.hold_off\nSELECT pg_advisory_xact_lock_shared($1)").bind(JUDGES);
    lock.execute(connection).await.map(drop).map_err(classify)
}

/// Waits until no other transaction judges; those that want to, wait for the end of this one.
pub(super) async fn wait_for_judges(connection: &mut Connection) -> Result<(), StoreError> {
    let lock = sqlx::query("-- judges.wait\nSELECT pg_advisory_xact_lock($1)").bind(JUDGES);
    lock.execute(connection).await.map(drop).map_err(classify)
}

/// What an error of the driver means.
pub(super) fn classify(error: sqlx::Error) -> StoreError {
    let sqlx::Error::Database(database) = &error else {
        return match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => {
                StoreError::Data(Arc::new(error))
            }
            other => StoreError::Unavailable(Arc::new(other)),
        };
    };
    if database.is_unique_violation() {
        let constraint = database.constraint().unwrap_or("unique").to_owned();
        return StoreError::Conflict { constraint };
    }
    let code = database.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code).unwrap_or_default();
    match kind(code) {
        Kind::Data => StoreError::Data(Arc::new(error)),
        Kind::Serialization => StoreError::Serialization(Arc::new(error)),
        Kind::Unavailable => StoreError::Unavailable(Arc::new(error)),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Data,
    Serialization,
    Unavailable,
}

/// By SQLSTATE, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn kind(code: &str) -> Kind {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => Kind::Serialization,
        // read_only_sql_transaction (a replica after a failover), insufficient_privilege
        "25006" | "42501" => Kind::Unavailable,
        // feature, cardinality, data, integrity, syntax, program limit: the same statement fails again
        _ if ["0A", "21", "22", "23", "42", "54"].iter().any(|class| code.starts_with(class)) => Kind::Data,
        _ => Kind::Unavailable,
    }
}

/// Any number; the same in every process.
const JUDGES: i64 = 0x6c65_6173_6568_6f6c;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_apart() {
        for (code, expected) in [
            ("40001", Kind::Serialization),
            ("40P01", Kind::Serialization),
            ("55P03", Kind::Serialization),
            ("22001", Kind::Data),
            ("22P05", Kind::Data),
            ("23502", Kind::Data),
            ("21000", Kind::Data),
            ("57P01", Kind::Unavailable),
            ("57014", Kind::Unavailable),
            ("53100", Kind::Unavailable),
            ("53300", Kind::Unavailable),
            ("08006", Kind::Unavailable),
            ("25006", Kind::Unavailable),
            ("58030", Kind::Unavailable),
            ("", Kind::Unavailable),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
