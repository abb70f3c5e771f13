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

/// Judges the version found (0 for none).
///
/// # Errors
/// [`StoreError::NewerSchema`], or [`StoreError::Setup`] when it is older and must not be migrated.
pub(super) fn plan(migrator: &Migrator, found: i64, may_migrate: bool) -> Result<Plan, StoreError> {
    let known = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    // Migrated again even when it is current, so that a changed file is noticed.
    if may_migrate {
        return Ok(Plan::Migrate);
    }
    if found == known {
        return Ok(Plan::Ready);
    }
    Err(StoreError::Setup(format!(
        "the database has schema {found} and this program needs {known}: run `leasehold migrate` first"
    )))
}

/// What a failed migration means.
pub(super) fn failed(error: MigrateError, classify: fn(sqlx::Error) -> StoreError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => classify(error),
        other => StoreError::Setup(format!("the database's schema cannot be used: {other}")),
    }
}
