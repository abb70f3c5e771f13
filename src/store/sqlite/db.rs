//! What is particular to SQLite: which text, how a transaction begins, what an error means.

use std::sync::Arc;

use serde::Serialize;

use super::run::{Connection, Query};
use crate::store::{error::StoreError, sql::Statement};

/// The driver.
pub(super) type Database = sqlx::Sqlite;

/// Whether rows are locked one by one. Here the one writer has all of them.
pub(super) const LOCKS_ROWS: bool = false;
/// Takes the write lock at once: upgrading a reading transaction could fail half-way.
pub(super) const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";
/// A reading transaction sees one moment.
pub(super) const BEGIN_SNAPSHOT: &str = "BEGIN";

/// The statement's text.
pub(super) const fn text(statement: &Statement) -> &'static str {
    statement.sqlite
}

/// The rows of a set statement, as one JSON array.
pub(super) fn bind_rows<'q, P: Serialize>(
    query: Query<'q>,
    _: &Statement,
    rows: &[P],
) -> Result<Query<'q>, serde_json::Error> {
    Ok(query.bind(serde_json::to_string(rows)?))
}

/// Nothing to do: writing transactions follow one another.
#[expect(clippy::unused_async, reason = "the other back end waits here")]
pub(super) async fn hold_off_changes(_: &mut Connection) -> Result<(), StoreError> {
    Ok(())
}

/// Nothing to do: writing transactions follow one another.
#[expect(clippy::unused_async, reason = "the other back end waits here")]
pub(super) async fn wait_for_judges(_: &mut Connection) -> Result<(), StoreError> {
    Ok(())
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
        // SQLite names no constraint, but says which columns: `UNIQUE constraint failed: users.email`.
        let message = database.message();
        let constraint = message.rsplit(": ").next().unwrap_or(message).to_owned();
        return StoreError::Conflict { constraint };
    }
    let extended: i32 = database.code().and_then(|code| code.parse().ok()).unwrap_or(ERROR);
    match extended & PRIMARY {
        BUSY | LOCKED => StoreError::Serialization(Arc::new(error)),
        ERROR | TOOBIG | CONSTRAINT | MISMATCH | RANGE => StoreError::Data(Arc::new(error)),
        _ => StoreError::Unavailable(Arc::new(error)),
    }
}

// Result codes, https://www.sqlite.org/rescode.html. An extended code has the primary one in its low byte. What is not
// named here (FULL, IOERR, READONLY, CANTOPEN, CORRUPT, NOTADB, NOMEM …) is a database that stopped working.
const PRIMARY: i32 = 0xff;
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const TOOBIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const RANGE: i32 = 25;

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, error::Error, fmt};

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    #[derive(Debug)]
    struct Failure(i32);

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "code {}", self.0)
        }
    }

    impl Error for Failure {}

    impl DatabaseError for Failure {
        fn message(&self) -> &'static str {
            "UNIQUE constraint failed: users.email"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.to_string().into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            if self.0 == 2_067 { ErrorKind::UniqueViolation } else { ErrorKind::Other }
        }
    }

    fn kind(code: i32) -> &'static str {
        match classify(sqlx::Error::Database(Box::new(Failure(code)))) {
            StoreError::Conflict { constraint } if constraint == "users.email" => "conflict",
            StoreError::Data(_) => "data",
            StoreError::Serialization(_) => "serialization",
            StoreError::Unavailable(_) => "unavailable",
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn result_codes_are_told_apart() {
        let codes =
            [(2_067, "conflict"), (5, "serialization"), (517, "serialization"), (19, "data"), (787, "data")];
        let more =
            [(18, "data"), (20, "data"), (13, "unavailable"), (10, "unavailable"), (3_338, "unavailable")];
        let last = [(8, "unavailable"), (14, "unavailable"), (11, "unavailable"), (26, "unavailable")];
        for (code, expected) in codes.into_iter().chain(more).chain(last) {
            assert_eq!(kind(code), expected, "{code}");
        }
        assert!(matches!(classify(sqlx::Error::PoolTimedOut), StoreError::Unavailable(_)));
    }
}
