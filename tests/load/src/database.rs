//! The database of the broker that is started: made for this run and removed after it, unless it was named by a URL.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use leasehold::{
    config::{Environment, Source as _, Variable},
    entropy::{Entropy, OsEntropy},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use url::Url;

use crate::Failure;

/// A database, and what has to be cleared away after it.
pub(crate) struct Database {
    /// As the broker's settings take it.
    pub(crate) url: String,
    /// How the report names it.
    pub(crate) name: &'static str,
    keep: Keep,
}

enum Keep {
    /// Somebody else's.
    Nothing,
    Folder(#[expect(dead_code, reason = "removed when dropped")] TempDir),
    /// A database of a server, and the server if it was started for it.
    Named {
        name: String,
        server: String,
        _cluster: Option<Cluster>,
    },
}

/// A private PostgreSQL; it is stopped and removed with this value.
struct Cluster {
    home: String,
}

impl Database {
    /// `sqlite`, `postgres`, or a URL.
    pub(crate) async fn open(wanted: &str, data_dir: Option<&Path>) -> Result<Self, Failure> {
        match wanted {
            "sqlite" => Self::in_a_folder(data_dir),
            "postgres" => Self::on_a_server().await,
            url if url.starts_with("sqlite:") => {
                Ok(Self { url: url.to_owned(), name: "sqlite", keep: Keep::Nothing })
            }
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self { url: url.to_owned(), name: "postgres", keep: Keep::Nothing })
            }
            _ => Err("--database: expected `sqlite`, `postgres`, or a URL".into()),
        }
    }

    fn in_a_folder(parent: Option<&Path>) -> Result<Self, Failure> {
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("leasehold-load");
        let folder = parent.map_or_else(|| folder.tempdir(), |parent| folder.tempdir_in(parent))?;
        let path = folder.path().join("leasehold.db");
        Ok(Self { url: format!("sqlite:{}", path.display()), name: "sqlite", keep: Keep::Folder(folder) })
    }

    async fn on_a_server() -> Result<Self, Failure> {
        let (server, cluster) = match Environment.variable(SERVER) {
            Variable::Text(url) if !url.is_empty() => (url, None),
            _ => Cluster::start().map(|(url, cluster)| (url, Some(cluster)))?,
        };
        let entropy: &dyn Entropy = &OsEntropy;
        let name = format!("load_{:016x}", u64::from_be_bytes(entropy.bytes()));
        statement(&server, format!("CREATE DATABASE {name}")).await?;
        let mut url: Url = server.parse()?;
        url.set_path(&name);
        let keep = Keep::Named { name, server, _cluster: cluster };
        Ok(Self { url: url.into(), name: "postgres", keep })
    }

    /// Brings the planner's statistics up to date, as `autovacuum` would have done by the time that so many rows came.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        if self.name == "postgres" {
            statement(&self.url, "VACUUM (ANALYZE)".to_owned()).await
        } else {
            Ok(())
        }
    }

    /// Removes what was made for this run.
    pub(crate) async fn remove(self) -> Result<(), Failure> {
        match &self.keep {
            Keep::Nothing | Keep::Folder(_) => Ok(()),
            Keep::Named { name, server, .. } => {
                statement(server, format!("DROP DATABASE {name} WITH (FORCE)")).await
            }
        }
    }
}

impl Cluster {
    fn start() -> Result<(String, Self), Failure> {
        let output = Command::new(script()).arg("start").output()?;
        if !output.status.success() {
            return Err(format!("no PostgreSQL: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.map(str::to_owned).ok_or("tests/postgres.sh did not say where PostgreSQL is")
        };
        let cluster = Self { home: value("LEASEHOLD_TEST_POSTGRES_HOME")? };
        Ok((value(SERVER)?, cluster))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped = Command::new(script()).args(["stop", &self.home]).status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!("leasehold-load: the PostgreSQL in {} was not stopped", self.home);
        }
    }
}

async fn statement(url: &str, sql: String) -> Result<(), Failure> {
    let mut connection = PgConnection::connect(url).await?;
    // Made of constants and of random digits.
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../postgres.sh")
}

const SERVER: &str = "LEASEHOLD_TEST_POSTGRES";
