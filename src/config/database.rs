//! `[database]`: which database, and how many connections to it.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::Deserialize;
use url::Url;

use super::problem::{self, Problem};
use crate::model::secret::SecretText;

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Where it is.
    pub url: DatabaseUrl,
    /// The most connections this process opens to it.
    pub max_connections: u32,
}

/// Where the database is. `Debug` and `Display` show no password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum DatabaseUrl {
    /// A file of this machine, `sqlite:PATH`.
    Sqlite(PathBuf),
    /// A server, `postgres://USER:PASSWORD@HOST/NAME`.
    Postgres(PostgresUrl),
}

/// The URL of a PostgreSQL database, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    url: SecretText,
    shown: String,
}

/// The text names no database. It is not repeated, as it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseDatabaseUrlError {
    /// Another kind of database, or none.
    #[error("neither `sqlite:PATH` nor `postgres://USER:PASSWORD@HOST/NAME`")]
    Scheme,
    /// Not a URL after all.
    #[error("not a valid PostgreSQL URL; special characters in the password must be percent-encoded")]
    Malformed,
    /// SQLite without a file.
    #[error("`sqlite:` must be followed by the path of a file; a database in memory would forget its leases")]
    NoFile,
    /// SQLite with options.
    #[error("`sqlite:PATH` takes no options: the broker sets journal, synchronous mode and locking itself")]
    Options,
}

impl DatabaseConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        problem::check_range("database.max_connections", self.max_connections.into(), 2..=1_000, problems);
    }
}

impl PostgresUrl {
    /// The whole URL, for the driver.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose()
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { url: DatabaseUrl::Sqlite("leasehold.db".into()), max_connections: 16 }
    }
}

impl FromStr for DatabaseUrl {
    type Err = ParseDatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, ParseDatabaseUrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return sqlite(path.strip_prefix("//").unwrap_or(path));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return postgres(text).map(Self::Postgres);
        }
        Err(ParseDatabaseUrlError::Scheme)
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = ParseDatabaseUrlError;

    fn try_from(text: String) -> Result<Self, ParseDatabaseUrlError> {
        text.parse()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&url.shown),
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresUrl").field(&self.shown).finish()
    }
}

fn sqlite(path: &str) -> Result<DatabaseUrl, ParseDatabaseUrlError> {
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(ParseDatabaseUrlError::NoFile);
    }
    if path.contains('?') {
        return Err(ParseDatabaseUrlError::Options);
    }
    Ok(DatabaseUrl::Sqlite(path.into()))
}

fn postgres(text: &str) -> Result<PostgresUrl, ParseDatabaseUrlError> {
    let parsed = Url::parse(text).map_err(|_| ParseDatabaseUrlError::Malformed)?;
    let shown = redacted(parsed).ok_or(ParseDatabaseUrlError::Malformed)?;
    Ok(PostgresUrl { url: SecretText::new(text.to_owned()), shown })
}

/// The URL with its password replaced, and without the query, in which drivers accept one too.
fn redacted(mut url: Url) -> Option<String> {
    if url.password().is_some() {
        url.set_password(Some(REDACTED)).ok()?;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

const REDACTED: &str = "REDACTED";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_exposed_to_the_driver_alone() {
        let text = "postgres://lease:hunter2@db.example:5433/leasehold?password=hunter2&sslmode=require";
        let url: DatabaseUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), "postgres://lease:REDACTED@db.example:5433/leasehold");
        assert!(!format!("{url:?}").contains("hunter2"));
        let DatabaseUrl::Postgres(url) = url else { panic!("not PostgreSQL") };
        assert_eq!(url.expose(), text);
    }

    #[test]
    fn sqlite_takes_relative_and_absolute_paths() {
        let path = |text: &str| match text.parse() {
            Ok(DatabaseUrl::Sqlite(path)) => path,
            other => panic!("{other:?}"),
        };
        assert_eq!(path("sqlite:data/l.db"), PathBuf::from("data/l.db"));
        assert_eq!(path("sqlite:/data/l.db"), PathBuf::from("/data/l.db"));
        assert_eq!(path("sqlite:///data/l.db"), PathBuf::from("/data/l.db"));
    }

    #[test]
    fn what_is_no_lasting_database_is_refused() {
        use ParseDatabaseUrlError::{Malformed, NoFile, Options, Scheme};
        let cases = [
            ("", Scheme),
            ("mysql://x/y", Scheme),
            ("leasehold.db", Scheme),
            ("sqlite:", NoFile),
            ("sqlite::memory:", NoFile),
            ("sqlite:a.db?mode=ro", Options),
            ("postgres://u:p@host:port/db", Malformed),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(expected), "{text}");
        }
    }
}
