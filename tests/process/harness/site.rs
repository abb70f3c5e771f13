//! What brokers run on: a folder, a database, root keys. A site is made by `leasehold dev`, whose data and tokens every
//! test uses; *production* sites then have their mark of development taken off, so that `leasehold serve` takes them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::{Broker, PATIENCE, Postgres, Process};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Sqlite,
}

/// A place for brokers to run on.
pub(crate) struct Site {
    folder: TempDir,
    /// `None` for SQLite.
    pub(crate) postgres: Option<Postgres>,
}

impl Site {
    /// An empty one.
    pub(crate) async fn new(kind: Kind) -> Self {
        let postgres = match kind {
            Kind::Postgres => Some(Postgres::create().await),
            Kind::Sqlite => None,
        };
        Self { folder: TempDir::new().expect("a folder"), postgres }
    }

    /// One with the development data, that [`serve`](Self::serve) takes.
    pub(crate) async fn production(kind: Kind) -> Self {
        let site = Self::new(kind).await;
        site.dev().await.stop().await;
        site.execute("UPDATE settings SET value = 'production' WHERE name = 'environment'").await;
        site
    }

    /// The folder of the tests' own files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts `leasehold dev` and waits until it is ready.
    pub(crate) async fn dev(&self) -> Broker {
        Broker::announced(Process::spawn(self.dev_command(&[])), &self.data()).await
    }

    /// `leasehold dev` on free ports, with further arguments.
    pub(crate) fn dev_command(&self, more: &[&str]) -> Command {
        let mut command = program(&["dev", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data-dir"]);
        command.arg(self.data());
        if let Some(postgres) = &self.postgres {
            command.args(["--database", &postgres.url]);
        }
        command.args(more);
        command
    }

    /// Starts `leasehold serve`, with variables over its settings, and waits until it is ready.
    pub(crate) async fn serve(&self, variables: &[(&str, &str)]) -> Broker {
        Broker::logged(Process::spawn(self.serve_command(variables))).await
    }

    /// `leasehold serve` on free ports. Every process of a site is known by one address, as behind a balancer.
    pub(crate) fn serve_command(&self, variables: &[(&str, &str)]) -> Command {
        let mut command = program(&["serve", "--config"]);
        command.arg(self.write_config()).envs(variables.iter().copied());
        command
    }

    /// `leasehold audit verify` over the whole database.
    pub(crate) async fn verify_audit(&self) {
        let mut command = program(&["audit", "verify", "--json", "--config"]);
        command.arg(self.write_config());
        let (success, stdout, stderr) = Process::run(command, PATIENCE).await;
        assert!(success, "audit verify: {stdout}{stderr}");
        let found: Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(found["faults"], serde_json::json!([]));
        assert!(found["records"].as_u64() > Some(0), "{found}");
    }

    /// A command on the settings of the site: whether it succeeded, stdout, stderr.
    pub(crate) async fn command(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (bool, String, String) {
        let mut command = program(arguments);
        command.arg("--config").arg(self.write_config()).envs(variables.iter().copied());
        Process::run(command, PATIENCE).await
    }

    /// What `leasehold dev` wrote for its users.
    pub(crate) fn env(&self) -> BTreeMap<String, String> {
        read_env(&self.data())
    }

    /// The text of the root keys.
    pub(crate) fn root_keys(&self) -> String {
        fs::read_to_string(self.data().join("root.keys")).expect("root.keys").trim().to_owned()
    }

    /// The database, as settings name it.
    pub(crate) fn database_url(&self) -> String {
        let file = || format!("sqlite:{}", self.data().join("leasehold.db").display());
        self.postgres.as_ref().map_or_else(file, |postgres| postgres.url.clone())
    }

    /// Runs a query; answers its first column, which must be text. On SQLite only while no broker runs.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        if let Some(postgres) = &self.postgres {
            return postgres.texts(sql).await;
        }
        let texts = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.sqlite().await).await;
        texts.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs a statement. On SQLite only while no broker runs.
    pub(crate) async fn execute(&self, sql: &str) {
        if let Some(postgres) = &self.postgres {
            return postgres.execute(sql).await;
        }
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut self.sqlite().await).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.data().join("leasehold.db"));
        SqliteConnection::connect_with(&options).await.expect("the database file")
    }

    pub(crate) fn write_config(&self) -> PathBuf {
        let path = self.folder.path().join("serve.toml");
        let text = format!(
            "public_url = 'http://127.0.0.1:3978'\nroot_keys_file = '{}'\n[http]\naddress = '127.0.0.1:0'\n[grpc]\n\
             address = '127.0.0.1:0'\n[database]\nurl = '{}'\n[limits]\nrequests_per_second = 100000\nburst = 100000\n\
             max_leases_per_principal = 100000\n",
            self.data().join("root.keys").display(),
            self.database_url()
        );
        fs::write(&path, text).expect("serve.toml");
        path
    }
}

/// The program under test, with nothing in its environment that the test did not put there.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leasehold"));
    command.env_clear().args(arguments);
    command
}

/// Reads `dev.env` of a data directory.
pub(crate) fn read_env(data: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(data.join("dev.env")).expect("dev.env");
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
