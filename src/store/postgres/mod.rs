//! The store on PostgreSQL: any number of processes share one database.
//!
//! Writing transactions lock the rows they judge, and hold off decisive changes; see `db`. Knows nothing of what the
//! rows mean: the files mounted from `glue` do.

use std::{sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection as _, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    backend::Backend,
    error::StoreError,
    migrate::{self, Applied, Plan},
};

#[expect(clippy::duplicate_mod, reason = "the glue is written once, against `super::db`, for both back ends")]
#[path = "../glue/administer.rs"]
mod administer;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/backend.rs"]
mod backend;
mod columns;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/connections.rs"]
mod connections;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/credentials.rs"]
mod credentials;
mod db;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/doubts.rs"]
mod doubts;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/grants.rs"]
mod grants;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/invitations.rs"]
mod invitations;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/journal.rs"]
mod journal;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/keys.rs"]
mod keys;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/lease_search.rs"]
mod lease_search;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/leases.rs"]
mod leases;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/mcp_tokens.rs"]
mod mcp_tokens;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/minted.rs"]
mod minted;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/organizations.rs"]
mod organizations;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/people.rs"]
mod people;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/quotas.rs"]
mod quotas;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/run.rs"]
mod run;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/tokens.rs"]
mod tokens;
#[expect(clippy::duplicate_mod, reason = "as above")]
#[path = "../glue/tx.rs"]
mod tx;

/// Opens the database that `url` names, with at most `max_connections` connections. With `may_migrate`, brings an older
/// schema up to date; replicas that start together wait for the one that does.
///
/// # Errors
/// [`StoreError::Setup`] when the URL is wrong or the schema may not be migrated; [`StoreError::NewerSchema`];
/// [`StoreError::Unavailable`].
pub async fn open(
    url: &str,
    max_connections: u32,
    may_migrate: bool,
) -> Result<Arc<dyn Backend>, StoreError> {
    let plain: PgConnectOptions =
        url.parse().map_err(|error| StoreError::Setup(format!("not a PostgreSQL URL: {error}")))?;
    let plain = plain.application_name("leasehold").statement_cache_capacity(STATEMENTS);
    prepare_schema(&plain, may_migrate).await?;
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_WAIT)
        .test_before_acquire(false)
        .before_acquire(|connection, known| Box::pin(answers(connection, known.idle_for)))
        .connect_with(plain.options(SESSION))
        .await
        .map_err(db::classify)?;
    Ok(Arc::new(Store { pool }))
}

/// The pool of one database.
pub(super) struct Store {
    pool: PgPool,
}

impl Store {
    const fn writers(&self) -> &PgPool {
        &self.pool
    }

    const fn readers(&self) -> &PgPool {
        &self.pool
    }

    async fn shut(&self) {
        self.pool.close().await;
    }
}

/// Whether a connection can be used. One that answered a moment ago is not asked again: that would cost every transaction
/// a round trip.
async fn answers(connection: &mut PgConnection, idle: Duration) -> Result<bool, sqlx::Error> {
    if idle >= TRUSTED_FOR {
        connection.ping().await?;
    }
    Ok(true)
}

/// On a connection of its own: a migration may take longer than a statement of the service.
async fn prepare_schema(options: &PgConnectOptions, may_migrate: bool) -> Result<(), StoreError> {
    let mut connection = options.connect().await.map_err(db::classify)?;
    let applied = applied_migrations(&mut connection).await?;
    if migrate::plan(&MIGRATOR, &applied, may_migrate)? == Plan::Migrate {
        MIGRATOR.run(&mut connection).await.map_err(|error| migrate::failed(error, db::classify))?;
    }
    connection.close().await.map_err(db::classify)
}

async fn applied_migrations(connection: &mut PgConnection) -> Result<Vec<Applied>, StoreError> {
    let migrated: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(db::classify)?;
    if !migrated {
        return Ok(Vec::new());
    }
    sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations")
        .fetch_all(connection)
        .await
        .map_err(db::classify)
}

static MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");

/// Durable commits whatever the server's default, and no transaction that waits for ever or is forgotten.
///
/// Every statement looks up a bounded set of keys, so nested loops over indexes are always right. Plans are kept, and one
/// made while a table was small must not scan it when it has grown: the planner is told so, rather than left to guess.
const SESSION: [(&str, &str); 9] = [
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    ("statement_timeout", "30s"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];
const ACQUIRE_WAIT: Duration = Duration::from_secs(3);
/// Should the server be restarted within so short a time, a write is tried again, and a read says that it is away.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// More than there are statements.
const STATEMENTS: usize = 256;
