//! The schema: which version a database has, and whether this program may use it.

use sqlx::migrate::{MigrateError, Migrator};

use super::error::StoreError;

/// What to do at open about a database whose schema is older, or that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: it is what this program knows.
    Ready,
    /// Run the migrations.
    Migrate,
}

/// A migration that a database has seen: its version, and the checksum of its text.
pub(super) type Applied = (i64, Vec<u8>);

/// Judges the migrations found.
///
/// # Errors
/// [`StoreError::NewerSchema`], or [`StoreError::Setup`] when it is older and must not be migrated, or was made by other
/// migrations than this program's.
pub(super) fn plan(migrator: &Migrator, applied: &[Applied], may_migrate: bool) -> Result<Plan, StoreError> {
    let found = applied.iter().map(|(version, _)| *version).max().unwrap_or(0);
    let known = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    // Migrated again even when it is current, so that a changed file is noticed.
    if may_migrate {
        return Ok(Plan::Migrate);
    }
    if let Some((version, _)) =
        applied.iter().find(|(version, checksum)| !is_of(migrator, *version, checksum))
    {
        return Err(StoreError::Setup(format!(
            "the database's schema was made by another program: its migration {version} has another text than this \
             program's. Use the program that made it"
        )));
    }
    if found == known {
        return Ok(Plan::Ready);
    }
    Err(StoreError::Setup(format!(
        "the database has schema {found} and this program needs {known}: run `leasehold migrate` first"
    )))
}

fn is_of(migrator: &Migrator, version: i64, checksum: &[u8]) -> bool {
    migrator.iter().any(|migration| migration.version == version && *migration.checksum == *checksum)
}

/// What a failed migration means.
pub(super) fn failed(error: MigrateError, classify: fn(sqlx::Error) -> StoreError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => classify(error),
        other => StoreError::Setup(format!("the database's schema cannot be used: {other}")),
    }
}
