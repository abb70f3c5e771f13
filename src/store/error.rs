//! What can go wrong in the store. Absence is no error: lookups answer `None`.

use std::{error::Error, sync::Arc};

/// A failure of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The queue of mutations is full: come back later.
    #[error("the queue of writes is full")]
    Busy,
    /// A unique constraint refused a row.
    #[error("a row like this exists already ({constraint})")]
    Conflict {
        /// The constraint or index, as the database names it.
        constraint: String,
    },
    /// A row does not read back as what was written.
    #[error("corrupt row: {table}.{column} of {row}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
    },
    /// The database refused the data of one statement; retrying the same cannot help.
    #[error("the database refused the data")]
    Data(#[source] Cause),
    /// A row that must exist is not there.
    #[error("{0} does not exist")]
    Missing(&'static str),
    /// The transaction lost against another one; the same may pass when tried again.
    #[error("the transaction lost against another one")]
    Serialization(#[source] Cause),
    /// The database holds a schema that this program is too old for.
    #[error(
        "the database has schema {found}, newer than {known}, the newest that this program knows: upgrade the program"
    )]
    NewerSchema {
        /// What the database has.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// The database cannot be reached, is full, or stopped working.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),
    /// The connection broke while a commit was under way and its outcome could not be learnt in time.
    #[error("the outcome of the commit is not known yet")]
    OutcomeUnknown,
    /// The database cannot be opened as asked; says why and what to do.
    #[error("{0}")]
    Setup(String),
}

/// A shared cause: one failed commit answers many callers.
pub type Cause = Arc<dyn Error + Send + Sync>;

impl StoreError {
    /// Every [`StoreError::kind`].
    pub const KINDS: &[&'static str] = &[
        "busy",
        "conflict",
        "corrupt",
        "data",
        "missing",
        "newer_schema",
        "outcome_unknown",
        "serialization",
        "setup",
        "unavailable",
    ];

    /// What went wrong, in one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Conflict { .. } => "conflict",
            Self::Corrupt { .. } => "corrupt",
            Self::Data(_) => "data",
            Self::Missing(_) => "missing",
            Self::NewerSchema { .. } => "newer_schema",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Serialization(_) => "serialization",
            Self::Setup(_) => "setup",
            Self::Unavailable(_) => "unavailable",
        }
    }
}
