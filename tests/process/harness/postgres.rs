//! A PostgreSQL database of the test's own, and what an administrator of the server can do to it.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// One database. It goes with the value.
pub(crate) struct Postgres {
    /// How brokers reach it.
    pub(crate) url: String,
    name: String,
}

impl Postgres {
    /// A new database on the server that `LEASEHOLD_TEST_POSTGRES` names.
    pub(crate) async fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("leasehold_process_{}_{number}", std::process::id());
        administer(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        administer(&format!("CREATE DATABASE {name}")).await;
        let server = server();
        let (server, _) = server.rsplit_once('/').expect("LEASEHOLD_TEST_POSTGRES: postgres://…/NAME");
        Self { url: format!("{server}/{name}"), name }
    }

    /// Runs a query on the database; answers its first column, which must be text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let mut connection = PgConnection::connect(&self.url).await.expect("PostgreSQL");
        let texts = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await;
        texts.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs a statement on the database.
    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.url).await.expect("PostgreSQL");
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Ends every connection of brokers, whatever they are in the midst of; answers how many there were.
    pub(crate) async fn terminate_backends(&self) -> usize {
        let name = &self.name;
        let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        let mut connection = PgConnection::connect(&server()).await.expect("PostgreSQL");
        sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect("ended connections").len()
    }

    /// Whether anybody may connect; whoever is connected stays.
    pub(crate) async fn allow_connections(&self, allowed: bool) {
        administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allowed}", self.name)).await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A runtime cannot wait within a runtime, so another thread does.
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(administer(&drop));
        });
        if dropping.join().is_err() {
            eprintln!("the database {} was left behind", self.name);
        }
    }
}

async fn administer(sql: &str) {
    let mut connection =
        PgConnection::connect(&server()).await.expect("LEASEHOLD_TEST_POSTGRES: no such server");
    let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn server() -> String {
    std::env::var("LEASEHOLD_TEST_POSTGRES").expect(
        "LEASEHOLD_TEST_POSTGRES is not set: run tests/run, or `eval \"$(tests/postgres.sh start)\"` (tests/README.md)",
    )
}
