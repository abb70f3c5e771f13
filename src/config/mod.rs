//! Settings: one file per section, read from a TOML file and the environment, checked as a whole.
//!
//! This room alone reads the environment. It knows what a setting means and which values make sense; it opens no
//! database, binds no port and parses no key.

mod audit;
mod database;
mod egress;
mod file;
mod limits;
mod listen;
mod problem;
mod public_url;
mod root_keys;
mod services;
mod settings;
mod source;
mod telemetry;
mod tls;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use self::{
    audit::AuditConfig,
    database::{DatabaseConfig, DatabaseUrl, ParseDatabaseUrlError, PostgresUrl},
    egress::EgressConfig,
    file::default_file,
    limits::LimitsConfig,
    listen::ListenConfig,
    problem::{ConfigError, Place, Problem},
    public_url::{ParsePublicUrlError, PublicUrl},
    root_keys::{RootKeySource, RootKeysError},
    services::{ServicesConfig, read_service},
    settings::{ROOT_KEYS_VARIABLE, SETTINGS, Setting},
    source::{Environment, Source, Variable},
    telemetry::{LogFormat, ParseLogFormatError, TelemetryConfig},
    tls::TlsConfig,
};

/// Everything that an operator can set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address that clients know the broker by: the issuer of its tokens, the base of its links.
    pub public_url: PublicUrl,
    /// Where the root keys come from.
    #[serde(rename = "root_keys_file")]
    pub root_keys: RootKeySource,
    /// How long running requests may take to finish once a stop was asked for, in seconds.
    pub drain_seconds: u32,
    /// The listener for HTTP.
    #[serde(deserialize_with = "listen::http")]
    pub http: ListenConfig,
    /// The listener for gRPC.
    #[serde(deserialize_with = "listen::grpc")]
    pub grpc: ListenConfig,
    /// The certificate of both listeners; without it they speak plain HTTP.
    pub tls: Option<TlsConfig>,
    /// The database.
    pub database: DatabaseConfig,
    /// What is kept of the audit log outside of the database.
    pub audit: AuditConfig,
    /// Logs.
    pub telemetry: TelemetryConfig,
    /// Bounds on what callers may ask for.
    pub limits: LimitsConfig,
    /// Where calls to other services may lead.
    pub egress: EgressConfig,
    /// Services beyond those that are built in.
    pub services: ServicesConfig,
}

impl Config {
    /// Reads the file, if one is given, then the environment, which wins. [`validate`](Self::validate) is left to
    /// the caller, because command-line options come in between.
    ///
    /// # Errors
    /// The file cannot be read or understood, or variables hold values that their settings do not take; all such
    /// variables are named at once.
    pub fn load(file: Option<&Path>, source: &dyn Source) -> Result<Self, ConfigError> {
        let mut config = file.map_or_else(|| Ok(Self::default()), file::read)?;
        settings::apply(&mut config, source)?;
        Ok(config)
    }

    /// What `leasehold dev` starts from: loopback only, everything under one data directory.
    #[must_use]
    pub fn development(data_directory: &Path) -> Self {
        Self {
            root_keys: RootKeySource::File(data_directory.join("root.keys")),
            drain_seconds: 5,
            database: DatabaseConfig {
                url: DatabaseUrl::Sqlite(data_directory.join("leasehold.db")),
                ..DatabaseConfig::default()
            },
            // Development data may be put back as one likes.
            audit: AuditConfig { witness_file: Some(PathBuf::new()) },
            telemetry: TelemetryConfig { log_format: LogFormat::Pretty, ..TelemetryConfig::default() },
            egress: EgressConfig { allow_private: true },
            ..Self::default()
        }
    }

    /// Checks the settings one by one and against each other.
    ///
    /// # Errors
    /// Every problem there is, each with what to do about it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        self.check_listeners(&mut problems);
        self.public_url.check(&mut problems);
        self.root_keys.check(&mut problems);
        if let Some(tls) = &self.tls {
            tls.check(&mut problems);
        }
        self.database.check(&mut problems);
        self.telemetry.check(&mut problems);
        self.limits.check(&mut problems);
        problem::check_range(
            "drain_seconds",
            self.drain_seconds.into(),
            0..=MAX_DRAIN_SECONDS,
            &mut problems,
        );
        ConfigError::unless_empty(problems)
    }

    fn check_listeners(&self, problems: &mut Vec<Problem>) {
        self.http.check("http", self.tls.is_some(), problems);
        self.grpc.check("grpc", self.tls.is_some(), problems);
        if self.http.address == self.grpc.address && self.http.address.port() != 0 {
            let what = "is the address of `http` too; give the two listeners different ports";
            problems.push(Problem::setting("grpc.address", what));
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public_url: PublicUrl::loopback(listen::DEFAULT_HTTP),
            root_keys: RootKeySource::Absent,
            drain_seconds: 25,
            http: ListenConfig::at(listen::DEFAULT_HTTP),
            grpc: ListenConfig::at(listen::DEFAULT_GRPC),
            tls: None,
            database: DatabaseConfig::default(),
            audit: AuditConfig::default(),
            telemetry: TelemetryConfig::default(),
            limits: LimitsConfig::default(),
            egress: EgressConfig::default(),
            services: ServicesConfig::default(),
        }
    }
}

const MAX_DRAIN_SECONDS: u64 = 3_600;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Write};

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file =
            file("drain_seconds = 7\n[limits]\nburst = 300\nqueue = 99\n[http]\nplain_off_loopback = true\n");
        let variables = environment(&[("LEASEHOLD_LIMITS_BURST", "400"), ("LEASEHOLD_LIMITS_QUEUE", "")]);
        let config = Config::load(Some(file.path()), &variables).unwrap();
        assert_eq!(config.limits.burst, 400);
        assert_eq!(config.limits.queue, 99, "an empty variable counts as unset");
        assert_eq!(config.drain_seconds, 7);
        assert!(config.http.plain_off_loopback);
        assert_eq!(config.http.address, listen::DEFAULT_HTTP);
        assert_eq!(config.limits.requests_per_second, 100);
    }

    #[test]
    fn all_bad_variables_are_named_and_no_value_is_shown() {
        let variables = environment(&[
            ("LEASEHOLD_LIMITS_BURST", "hunter2"),
            ("LEASEHOLD_DATABASE_URL", "mysql://root:hunter2@db"),
        ]);
        let error = Config::load(None, &variables).unwrap_err().to_string();
        assert!(error.contains("LEASEHOLD_LIMITS_BURST: invalid digit"), "{error}");
        assert!(error.contains("LEASEHOLD_DATABASE_URL: neither"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_development_settings_are_valid() {
        let config = Config::development(Path::new(".leasehold"));
        config.validate().unwrap();
        assert_eq!(config.database.url.to_string(), "sqlite:.leasehold/leasehold.db");
    }

    #[test]
    fn validation_tells_every_problem_at_once() {
        let mut config = Config::default();
        config.http.address = "0.0.0.0:3978".parse().unwrap();
        config.grpc.address = config.http.address;
        config.limits.queue = 0;
        config.telemetry.log_filter = "leasehold=loud=very".to_owned();
        config.public_url = "http://broker.example".parse().unwrap();
        let error = config.validate().unwrap_err();
        let keys: Vec<_> = error.problems().iter().filter_map(Problem::key).collect();
        let expected = [
            "http.address",
            "grpc.address",
            "grpc.address",
            "public_url",
            "root_keys_file",
            "telemetry.log_filter",
            "limits.queue",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn plain_http_off_loopback_must_be_said() {
        let mut config = Config::development(Path::new("data"));
        config.http.address = "0.0.0.0:3978".parse().unwrap();
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("LEASEHOLD_HTTP_PLAIN_OFF_LOOPBACK"), "{error}");
        config.http.plain_off_loopback = true;
        config.validate().unwrap();
    }

    #[test]
    fn root_keys_from_the_environment_win_and_stay_hidden() {
        let file = file("root_keys_file = \"/run/secrets/root-keys\"\n");
        let config = Config::load(Some(file.path()), &environment(&[])).unwrap();
        assert_eq!(config.root_keys, RootKeySource::File("/run/secrets/root-keys".into()));
        let variables = environment(&[("LEASEHOLD_ROOT_KEYS", "k1:c2VjcmV0")]);
        let config = Config::load(Some(file.path()), &variables).unwrap();
        assert_eq!(config.root_keys.load().unwrap().expose(), "k1:c2VjcmV0");
        assert!(!format!("{config:?}").contains("c2VjcmV0"));
    }
}
