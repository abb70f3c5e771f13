//! `[audit]`: what is kept of the audit log outside of the database.

use std::path::PathBuf;

use serde::Deserialize;

use super::database::DatabaseUrl;

/// What is kept outside of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Where the newest signed heads are kept; an empty path for nowhere. None: the default of the database.
    pub witness_file: Option<PathBuf>,
}

impl AuditConfig {
    /// Where the newest signed heads are kept: as set, else beside an SQLite file, and nowhere with PostgreSQL, whose
    /// processes may have no disk of their own.
    #[must_use]
    pub fn witness(&self, database: &DatabaseUrl) -> Option<PathBuf> {
        match (&self.witness_file, database) {
            (Some(path), _) => (!path.as_os_str().is_empty()).then(|| path.clone()),
            (None, DatabaseUrl::Postgres(_)) => None,
            (None, DatabaseUrl::Sqlite(database)) => {
                let mut name = database.as_os_str().to_owned();
                name.push(".witness");
                Some(name.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_witness_lies_beside_a_file_unless_told() {
        let witness = |file: Option<&str>, database: &str| {
            let config = AuditConfig { witness_file: file.map(PathBuf::from) };
            config.witness(&database.parse().unwrap())
        };
        assert_eq!(witness(None, "sqlite:/data/l.db"), Some("/data/l.db.witness".into()));
        assert_eq!(witness(None, "postgres://h/d"), None);
        assert_eq!(witness(Some("/var/w"), "postgres://h/d"), Some("/var/w".into()));
        assert_eq!(witness(Some(""), "sqlite:/data/l.db"), None);
    }
}
