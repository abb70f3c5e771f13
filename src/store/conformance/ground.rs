//! A database for one case, and what a case may do behind the store's back.

use std::{
    path::PathBuf,
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;

use crate::store::{StoreError, admin::Change, backend::Backend, postgres, sql, sqlite};

/// A database of its own for each case.
pub(super) struct Ground {
    /// The store under test.
    pub(super) backend: Arc<dyn Backend>,
    place: Place,
}

enum Place {
    Sqlite(TempDir),
    Postgres(String),
}

impl Ground {
    /// A file in a folder that goes with the case.
    pub(super) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let backend = sqlite::open(&folder.path().join(FILE), true).await.expect("the database opens");
        Self { backend, place: Place::Sqlite(folder) }
    }

    /// A database on the server of the environment.
    pub(super) async fn postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = server();
        let name = format!("lh_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&server).await.expect("the PostgreSQL server answers");
        for text in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await.expect("a database of its own");
        }
        let (base, _) = server.rsplit_once('/').expect("a URL with a database");
        let url = format!("{base}/{name}");
        let backend = postgres::open(&url, 4, true).await.expect("the database opens");
        Self { backend, place: Place::Postgres(url) }
    }

    /// Whether several processes may share the database.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self.place, Place::Postgres(_))
    }

    /// Opens the same database once more.
    pub(super) async fn open(&self, may_migrate: bool) -> Result<Arc<dyn Backend>, StoreError> {
        match &self.place {
            Place::Sqlite(_) => sqlite::open(&self.file(), may_migrate).await,
            Place::Postgres(url) => postgres::open(url, 4, may_migrate).await,
        }
    }

    /// The database file, on SQLite.
    pub(super) fn file(&self) -> PathBuf {
        match &self.place {
            Place::Sqlite(folder) => folder.path().join(FILE),
            Place::Postgres(_) => PathBuf::new(),
        }
    }

    /// Runs a statement behind the store's back.
    pub(super) async fn tamper(&self, text: &str) {
        let text = AssertSqlSafe(text.to_owned());
        match &self.place {
            Place::Sqlite(_) => {
                sqlx::query(text).execute(&mut self.sqlite_connection().await).await.expect("tampering");
            }
            Place::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.expect("a connection");
                sqlx::query(text).execute(&mut connection).await.expect("tampering");
            }
        }
    }

    /// One number, read behind the store's back.
    pub(super) async fn number(&self, text: &str) -> i64 {
        let text = AssertSqlSafe(text.to_owned());
        match &self.place {
            Place::Sqlite(_) => sqlx::query_scalar(text)
                .fetch_one(&mut self.sqlite_connection().await)
                .await
                .expect("a number"),
            Place::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.expect("a connection");
                sqlx::query_scalar(text).fetch_one(&mut connection).await.expect("a number")
            }
        }
    }

    /// What the database says against preparing a statement.
    pub(super) async fn prepare(&self, statement: &sql::Statement) -> Result<(), sqlx::Error> {
        use sqlx::{Executor, SqlSafeStr};
        match &self.place {
            Place::Sqlite(_) => {
                let mut connection = self.sqlite_connection().await;
                connection.prepare(statement.sqlite.into_sql_str()).await.map(drop)
            }
            Place::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.expect("a connection");
                connection.prepare(statement.postgres.into_sql_str()).await.map(drop)
            }
        }
    }

    /// Applies one change in a transaction of its own.
    pub(super) async fn apply(&self, change: Change) -> Result<u64, StoreError> {
        let mut tx = self.backend.begin().await?;
        let touched = tx.administer(&change).await?;
        tx.commit().await?;
        Ok(touched)
    }

    async fn sqlite_connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.file());
        SqliteConnection::connect_with(&options).await.expect("a connection")
    }
}

impl Drop for Ground {
    /// Databases don't pile up on the server; a folder goes by itself.
    fn drop(&mut self) {
        let Place::Postgres(url) = &self.place else { return };
        let Some((_, name)) = url.rsplit_once('/') else { return };
        let text = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let remove = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server()).await.map_err(std::io::Error::other)?;
                let dropped = sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await;
                dropped.map(drop).map_err(std::io::Error::other)
            })
        };
        // A thread of its own: the case's runtime may be the one that is going down.
        if !matches!(std::thread::spawn(remove).join(), Ok(Ok(()))) {
            eprintln!("a test database was left behind");
        }
    }
}

fn server() -> String {
    #[expect(clippy::disallowed_methods, reason = "the address of the test server, in tests alone")]
    let url = std::env::var("LEASEHOLD_TEST_POSTGRES").expect(
        "LEASEHOLD_TEST_POSTGRES must name a PostgreSQL database, e.g. postgres://postgres@127.0.0.1:5432/postgres",
    );
    let _: PgConnectOptions = url.parse().expect("a PostgreSQL URL");
    url
}

const FILE: &str = "leasehold.db";
