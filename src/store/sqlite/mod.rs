//! The store on SQLite: one file, one writer, one process.
//!
//! Writes go through a single connection, reads through a few of their own that see what is committed (WAL). A lock
//! file refuses a second process. Knows nothing of what the rows mean: the files mounted from `glue` do.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection as _, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePoolOptions, SqliteSynchronous,
    },
};

use super::{
    backend::Backend,
    error::StoreError,
    migrate::{self, Applied, Plan},
};

#[path = "../glue/administer.rs"]
mod administer;
#[path = "../glue/backend.rs"]
mod backend;
#[path = "../glue/connections.rs"]
mod connections;
#[path = "../glue/credentials.rs"]
mod credentials;
mod db;
#[path = "../glue/doubts.rs"]
mod doubts;
#[path = "../glue/grants.rs"]
mod grants;
#[path = "../glue/invitations.rs"]
mod invitations;
#[path = "../glue/journal.rs"]
mod journal;
#[path = "../glue/keys.rs"]
mod keys;
#[path = "../glue/lease_search.rs"]
mod lease_search;
#[path = "../glue/leases.rs"]
mod leases;
#[path = "../glue/mcp_tokens.rs"]
mod mcp_tokens;
#[path = "../glue/minted.rs"]
mod minted;
#[path = "../glue/organizations.rs"]
mod organizations;
#[path = "../glue/people.rs"]
mod people;
#[path = "../glue/quotas.rs"]
mod quotas;
#[path = "../glue/run.rs"]
mod run;
#[path = "../glue/tokens.rs"]
mod tokens;
#[path = "../glue/tx.rs"]
mod tx;

/// Opens the database at `path`, making it when it is not there. With `may_migrate`, brings an older schema up to date.
///
/// # Errors
/// [`StoreError::Setup`] when another process has it open, or it cannot be made or may not be migrated;
/// [`StoreError::NewerSchema`]; [`StoreError::Unavailable`].
pub async fn open(path: &Path, may_migrate: bool) -> Result<Arc<dyn Backend>, StoreError> {
    if !may_migrate && !path.exists() {
        return Err(StoreError::Setup(format!("there is no database at {}", path.display())));
    }
    let lock = take_lock(path)?;
    create_file(path)?;
    let writer = writer_options(path);
    let writers = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_between_transactions(connection)))
        .acquire_timeout(WRITER_WAIT)
        .connect_with(writer)
        .await
        .map_err(db::classify)?;
    prepare_schema(&writers, may_migrate).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_between_transactions(connection)))
        .acquire_timeout(READER_WAIT)
        .connect_with(options(path).read_only(true))
        .await
        .map_err(db::classify)?;
    Ok(Arc::new(Store { writers, readers, lock }))
}

/// The pools of one database file.
pub(super) struct Store {
    writers: SqlitePool,
    readers: SqlitePool,
    lock: File,
}

impl Store {
    const fn writers(&self) -> &SqlitePool {
        &self.writers
    }

    const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    async fn shut(&self) {
        // The writer last: closing the last connection folds the write-ahead log into the file.
        self.readers.close().await;
        self.writers.close().await;
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the database's lock file was not unlocked");
        }
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .locking_mode(SqliteLockingMode::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_WAIT)
        .statement_cache_capacity(STATEMENTS)
        .row_buffer_size(ROWS_AHEAD)
        .pragma("temp_store", "memory")
}

fn writer_options(path: &Path) -> SqliteConnectOptions {
    options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "on")
        .pragma("wal_autocheckpoint", PAGES_BETWEEN_CHECKPOINTS)
        .pragma("cache_size", WRITER_CACHE_KIB)
}

/// Whether a connection can begin a transaction; one that cannot is replaced by a new one.
///
/// After an error such as a full disk SQLite rolls back by itself. The driver's own rollback then fails, and it goes on
/// counting a transaction that is none.
async fn is_between_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback may be on its way still: the connection's thread answers after it.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

async fn prepare_schema(writers: &SqlitePool, may_migrate: bool) -> Result<(), StoreError> {
    let applied = applied_migrations(writers).await?;
    if migrate::plan(&MIGRATOR, &applied, may_migrate)? == Plan::Migrate {
        MIGRATOR.run(writers).await.map_err(|error| migrate::failed(error, db::classify))?;
    }
    Ok(())
}

async fn applied_migrations(writers: &SqlitePool) -> Result<Vec<Applied>, StoreError> {
    let migrated: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations')",
    )
    .fetch_one(writers)
    .await
    .map_err(db::classify)?;
    if !migrated {
        return Ok(Vec::new());
    }
    sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations")
        .fetch_all(writers)
        .await
        .map_err(db::classify)
}

/// The lock is the kernel's: it goes with the process, however that ends. The file itself stays.
fn take_lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = private(&name).map_err(|error| cannot("open", &name, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Setup(format!(
            "{} is in use by another process: stop that one, or give this one a database of its own",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(cannot("lock", &name, &error)),
    }
}

/// Made before SQLite sees it, so that nobody else can read it even for a moment; the log beside it gets the same mode.
fn create_file(path: &Path) -> Result<(), StoreError> {
    private(path).map(drop).map_err(|error| cannot("open", path, &error))
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Setup(format!("cannot {verb} {}: {error}", path.display()))
}

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections that only read.
const READERS: u32 = 4;
/// For another process on the same file, such as a backup.
const BUSY_WAIT: Duration = Duration::from_secs(5);
const READER_WAIT: Duration = Duration::from_secs(3);
/// Transactions queue here; each is short.
const WRITER_WAIT: Duration = Duration::from_secs(30);
/// More than there are statements.
const STATEMENTS: usize = 256;
/// Rows that the connection's thread may be ahead of us.
const ROWS_AHEAD: usize = 1_024;
/// A page that several batches change goes into the file once for all of them. The log stays around 32 MiB.
const PAGES_BETWEEN_CHECKPOINTS: &str = "8000";
/// Negative: KiB, not pages.
const WRITER_CACHE_KIB: &str = "-32768";
