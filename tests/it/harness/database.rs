//! Fresh databases: a file in a temporary folder, or a PostgreSQL database of its own, removed at the end; and a look
//! past the broker at the rows.

use leasehold::{
    config::{DatabaseUrl, Environment, Source as _, Variable},
    entropy::{Entropy, OsEntropy},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, SqlitePool};
use tempfile::TempDir;

/// The two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A database of one test.
pub(crate) struct Database {
    /// As the settings take it.
    pub(crate) url: DatabaseUrl,
    rows: Rows,
    keep: Keep,
}

enum Rows {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

enum Keep {
    Folder(TempDir),
    Named(String),
}

/// Runs one statement on whichever database it is.
macro_rules! on_rows {
    ($rows:expr, $pool:ident => $body:expr) => {
        match $rows {
            Rows::Sqlite($pool) => $body,
            Rows::Postgres($pool) => $body,
        }
    };
}

impl Database {
    /// A database without a schema.
    pub(crate) async fn fresh(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::in_a_folder(),
            Engine::Postgres => Self::on_the_server().await,
        }
    }

    fn in_a_folder() -> Self {
        let folder = tempfile::Builder::new().prefix("leasehold-it").tempdir().expect("a folder");
        let path = folder.path().join("leasehold.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
        Self { url: DatabaseUrl::Sqlite(path), rows: Rows::Sqlite(pool), keep: Keep::Folder(folder) }
    }

    async fn on_the_server() -> Self {
        let entropy: &dyn Entropy = &OsEntropy;
        let name = format!("it_{}", data_encoding::HEXLOWER.encode(&entropy.bytes::<8>()));
        server_statement(format!("CREATE DATABASE {name}")).await;
        let mut url: url::Url = server_url().parse().expect("LEASEHOLD_TEST_POSTGRES is a URL");
        url.set_path(&name);
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(2).connect_lazy(url.as_str());
        Self {
            url: url.as_str().parse().expect("a database URL"),
            rows: Rows::Postgres(pool.expect("a database URL")),
            keep: Keep::Named(name),
        }
    }

    /// Which of the two it is.
    pub(crate) const fn engine(&self) -> Engine {
        match self.rows {
            Rows::Sqlite(_) => Engine::Sqlite,
            Rows::Postgres(_) => Engine::Postgres,
        }
    }

    /// Removes it.
    pub(crate) async fn remove(self) {
        on_rows!(&self.rows, pool => pool.close().await);
        match self.keep {
            Keep::Folder(folder) => folder.close().expect("the folder can be removed"),
            Keep::Named(name) => server_statement(format!("DROP DATABASE {name} WITH (FORCE)")).await,
        }
    }

    /// The first column of every row, as text; `$1` is the parameter.
    pub(crate) async fn texts(&self, sql: &'static str, parameter: &str) -> Vec<String> {
        on_rows!(&self.rows, pool => sqlx::query_scalar(sql).bind(parameter.to_owned()).fetch_all(pool).await)
            .expect("rows")
    }

    /// One number; `$1` is the parameter.
    pub(crate) async fn number(&self, sql: &'static str, parameter: &str) -> i64 {
        on_rows!(&self.rows, pool => sqlx::query_scalar(sql).bind(parameter.to_owned()).fetch_one(pool).await)
            .expect("a number")
    }

    /// Bytes of one row; `$1` is the parameter.
    pub(crate) async fn bytes(&self, sql: &'static str, parameter: &str) -> Vec<u8> {
        on_rows!(&self.rows, pool => sqlx::query_scalar(sql).bind(parameter.to_owned()).fetch_one(pool).await)
            .expect("bytes")
    }

    /// Writes past the broker; `$1` is the row.
    pub(crate) async fn write(&self, sql: &'static str, row: &str) {
        let touched = on_rows!(&self.rows, pool => {
            sqlx::query(sql).bind(row.to_owned()).execute(pool).await.map(|done| done.rows_affected())
        });
        assert_eq!(touched.expect("a write"), 1);
    }

    /// Writes past the broker; `$1` is the row, `$2` the text.
    pub(crate) async fn write_text(&self, sql: &'static str, row: &str, text: &str) {
        let touched = on_rows!(&self.rows, pool => {
            let query = sqlx::query(sql).bind(row.to_owned()).bind(text.to_owned());
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        assert_eq!(touched.expect("a write"), 1);
    }

    /// Writes whatever it takes past the broker; at least one row must be touched.
    pub(crate) async fn tamper(&self, sql: &str) {
        let text = AssertSqlSafe(sql.to_owned());
        let touched = on_rows!(&self.rows, pool => {
            sqlx::query(text).execute(pool).await.map(|done| done.rows_affected())
        });
        assert!(touched.unwrap_or_else(|error| panic!("{sql}: {error}")) > 0, "{sql}");
    }

    /// Writes past the broker; `$1` is the row, `$2` the bytes.
    pub(crate) async fn write_bytes(&self, sql: &'static str, row: &str, bytes: Vec<u8>) {
        let touched = on_rows!(&self.rows, pool => {
            let query = sqlx::query(sql).bind(row.to_owned()).bind(bytes);
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        assert_eq!(touched.expect("a write"), 1);
    }
}

async fn server_statement(sql: String) {
    let mut connection = PgConnection::connect(&server_url()).await.expect("PostgreSQL answers");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("a statement of the server");
    connection.close().await.expect("a connection can be closed");
}

fn server_url() -> String {
    match Environment.variable("LEASEHOLD_TEST_POSTGRES") {
        Variable::Text(url) if !url.is_empty() => url,
        _ => panic!(
            "LEASEHOLD_TEST_POSTGRES is not set, and no test is skipped for that: run tests/run, or first \
             eval \"$(tests/postgres.sh start)\""
        ),
    }
}
