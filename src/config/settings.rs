//! The one list of settings: what each means, which variable overrides it, and how it is shown.

use std::{fmt, path::Path, str::FromStr};

use super::{
    Config, TlsConfig,
    problem::{ConfigError, Problem},
    root_keys::RootKeySource,
    source::{Source, Variable},
};
use crate::model::secret::SecretText;

/// One setting.
#[derive(Clone, Copy)]
pub struct Setting {
    /// As written in the file: `limits.burst`.
    pub key: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// A value to show, in TOML, where there is no default.
    pub(super) example: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
    /// The present value in TOML; `None` if it is not set.
    pub(super) shown: fn(&Config) -> Option<String>,
}

impl Setting {
    /// The environment variable that overrides it: `LEASEHOLD_LIMITS_BURST`.
    #[must_use]
    pub fn variable(&self) -> String {
        variable_name(self.key)
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The variable that holds the root keys themselves. It has no place in the file and wins over `root_keys_file`.
pub const ROOT_KEYS_VARIABLE: &str = "LEASEHOLD_ROOT_KEYS";

/// Every setting, in the order of the file.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "public_url",
        meaning: "The address that clients know the broker by, and the issuer of its tokens. HTTPS, except on \
                  loopback.",
        example: "",
        set: |config, text| parse(text, &mut config.public_url),
        shown: |config| quoted(&config.public_url),
    },
    Setting {
        key: "root_keys_file",
        meaning: "A file with the root keys, `id:base64,...`: the first seals, all open. LEASEHOLD_ROOT_KEYS, which \
                  holds the keys themselves, wins over it.",
        example: "\"/run/secrets/leasehold-root-keys\"",
        set: |config, text| {
            config.root_keys = RootKeySource::File(text.into());
            Ok(())
        },
        shown: |config| match &config.root_keys {
            RootKeySource::File(path) => quoted_path(path),
            RootKeySource::Absent | RootKeySource::Text(_) => None,
        },
    },
    Setting {
        key: "drain_seconds",
        meaning: "How long running requests may take to finish once a stop was asked for.",
        example: "",
        set: |config, text| parse(text, &mut config.drain_seconds),
        shown: |config| plain(config.drain_seconds),
    },
    Setting {
        key: "http.address",
        meaning: "Where HTTP is served. Port 0 picks a free one.",
        example: "",
        set: |config, text| parse(text, &mut config.http.address),
        shown: |config| quoted(config.http.address),
    },
    Setting {
        key: "http.plain_off_loopback",
        meaning: "Serve HTTP without TLS on an address that other machines can reach. Only behind a proxy that \
                  speaks TLS.",
        example: "",
        set: |config, text| parse(text, &mut config.http.plain_off_loopback),
        shown: |config| plain(config.http.plain_off_loopback),
    },
    Setting {
        key: "grpc.address",
        meaning: "Where gRPC is served. Port 0 picks a free one.",
        example: "",
        set: |config, text| parse(text, &mut config.grpc.address),
        shown: |config| quoted(config.grpc.address),
    },
    Setting {
        key: "grpc.plain_off_loopback",
        meaning: "Serve gRPC without TLS on an address that other machines can reach. Only behind a proxy that \
                  speaks TLS.",
        example: "",
        set: |config, text| parse(text, &mut config.grpc.plain_off_loopback),
        shown: |config| plain(config.grpc.plain_off_loopback),
    },
    Setting {
        key: "tls.certificate",
        meaning: "The certificate chain of both listeners, a PEM file. A changed file is served without a restart.",
        example: "\"/etc/leasehold/tls.crt\"",
        set: |config, text| {
            config.tls.get_or_insert_with(TlsConfig::default).certificate = text.into();
            Ok(())
        },
        shown: |config| config.tls.as_ref().and_then(|tls| quoted_path(&tls.certificate)),
    },
    Setting {
        key: "tls.key",
        meaning: "The private key of the certificate, a PEM file.",
        example: "\"/etc/leasehold/tls.key\"",
        set: |config, text| {
            config.tls.get_or_insert_with(TlsConfig::default).key = text.into();
            Ok(())
        },
        shown: |config| config.tls.as_ref().and_then(|tls| quoted_path(&tls.key)),
    },
    Setting {
        key: "database.url",
        meaning: "The database: `sqlite:PATH` for one process, `postgres://USER:PASSWORD@HOST/NAME` for several.",
        example: "",
        set: |config, text| parse(text, &mut config.database.url),
        shown: |config| quoted(&config.database.url),
    },
    Setting {
        key: "database.max_connections",
        meaning: "The most connections this process opens to the database.",
        example: "",
        set: |config, text| parse(text, &mut config.database.max_connections),
        shown: |config| plain(config.database.max_connections),
    },
    Setting {
        key: "audit.witness_file",
        meaning: "A file outside of the database that keeps the newest signed heads of the audit chains: a database \
                  that is older is refused. Beside an SQLite file unless set, nowhere with PostgreSQL; an empty path \
                  for nowhere.",
        example: "\"/var/lib/leasehold/witness\"",
        set: |config, text| {
            config.audit.witness_file = Some(text.into());
            Ok(())
        },
        shown: |config| config.audit.witness_file.as_deref().and_then(quoted_path),
    },
    Setting {
        key: "telemetry.log_format",
        meaning: "`json` for programs, `pretty` for a terminal.",
        example: "",
        set: |config, text| parse(text, &mut config.telemetry.log_format),
        shown: |config| quoted(config.telemetry.log_format),
    },
    Setting {
        key: "telemetry.log_filter",
        meaning: "What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`), or `module=level`, separated \
                  by commas.",
        example: "",
        set: |config, text| parse(text, &mut config.telemetry.log_filter),
        shown: |config| quoted(&config.telemetry.log_filter),
    },
    Setting {
        key: "telemetry.slow_operation_ms",
        meaning: "From how many milliseconds on a call or a commit is logged as slow; 0 never.",
        example: "",
        set: |config, text| parse(text, &mut config.telemetry.slow_operation_ms),
        shown: |config| plain(config.telemetry.slow_operation_ms),
    },
    Setting {
        key: "limits.max_leases_per_principal",
        meaning: "The most live leases that one principal may hold.",
        example: "",
        set: |config, text| parse(text, &mut config.limits.max_leases_per_principal),
        shown: |config| plain(config.limits.max_leases_per_principal),
    },
    Setting {
        key: "limits.requests_per_second",
        meaning: "Requests a second that one principal may send to each replica over time.",
        example: "",
        set: |config, text| parse(text, &mut config.limits.requests_per_second),
        shown: |config| plain(config.limits.requests_per_second),
    },
    Setting {
        key: "limits.burst",
        meaning: "Requests that one principal may send at once after a pause.",
        example: "",
        set: |config, text| parse(text, &mut config.limits.burst),
        shown: |config| plain(config.limits.burst),
    },
    Setting {
        key: "limits.queue",
        meaning: "Writes that may wait to be committed. Beyond that, callers are told to come back later.",
        example: "",
        set: |config, text| parse(text, &mut config.limits.queue),
        shown: |config| plain(config.limits.queue),
    },
    Setting {
        key: "limits.body_bytes",
        meaning: "The largest request body, in bytes.",
        example: "",
        set: |config, text| parse(text, &mut config.limits.body_bytes),
        shown: |config| plain(config.limits.body_bytes),
    },
    Setting {
        key: "limits.max_lifetime_seconds",
        meaning: "How long a lease may live with all its renewals.",
        example: "",
        set: |config, text| parse(text, &mut config.limits.max_lifetime_seconds),
        shown: |config| plain(config.limits.max_lifetime_seconds),
    },
    Setting {
        key: "limits.max_renewals",
        meaning: "How often a lease may be renewed.",
        example: "",
        set: |config, text| parse(text, &mut config.limits.max_renewals),
        shown: |config| plain(config.limits.max_renewals),
    },
    Setting {
        key: "limits.default_ttl_seconds",
        meaning: "The lifetime of a lease whose request names none; 60 to 86400.",
        example: "",
        set: |config, text| parse(text, &mut config.limits.default_ttl_seconds),
        shown: |config| plain(config.limits.default_ttl_seconds),
    },
    Setting {
        key: "egress.allow_private",
        meaning: "Accept credentials whose URLs are plain HTTP or lead to private addresses: development, and \
                  services of one's own network.",
        example: "",
        set: |config, text| parse(text, &mut config.egress.allow_private),
        shown: |config| plain(config.egress.allow_private),
    },
    Setting {
        key: "services.directory",
        meaning: "A folder of services beyond those that are built in: each `*.toml` file describes the one that it is \
                  named after.",
        example: "\"/etc/leasehold/services\"",
        set: |config, text| {
            config.services.directory = Some(text.into());
            Ok(())
        },
        shown: |config| config.services.directory.as_deref().and_then(quoted_path),
    },
];

/// Lays the variables over the settings. An empty variable counts as unset.
pub(super) fn apply(config: &mut Config, source: &dyn Source) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    for setting in SETTINGS {
        let outcome = match source.variable(&setting.variable()) {
            Variable::Unset => continue,
            Variable::NotUnicode => Err("is not UTF-8 text".to_owned()),
            Variable::Text(text) if text.is_empty() => continue,
            Variable::Text(text) => (setting.set)(config, &text),
        };
        if let Err(message) = outcome {
            problems.push(Problem::variable(setting.key, message));
        }
    }
    match source.variable(ROOT_KEYS_VARIABLE) {
        Variable::Text(text) if !text.is_empty() => {
            config.root_keys = RootKeySource::Text(SecretText::new(text));
        }
        Variable::NotUnicode => problems.push(Problem::variable("root_keys", "is not UTF-8 text".to_owned())),
        Variable::Text(_) | Variable::Unset => {}
    }
    ConfigError::unless_empty(problems)
}

/// `limits.burst` → `LEASEHOLD_LIMITS_BURST`.
pub(super) fn variable_name(key: &str) -> String {
    format!("LEASEHOLD_{}", key.replace('.', "_").to_ascii_uppercase())
}

fn parse<T: FromStr<Err: fmt::Display>>(text: &str, slot: &mut T) -> Result<(), String> {
    *slot = text.trim().parse().map_err(|error: T::Err| error.to_string())?;
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of `Setting::shown`")]
fn plain(value: impl fmt::Display) -> Option<String> {
    Some(value.to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of `Setting::shown`")]
fn quoted(value: impl fmt::Display) -> Option<String> {
    Some(toml::Value::String(value.to_string()).to_string())
}

fn quoted_path(path: &Path) -> Option<String> {
    path.to_str().and_then(quoted)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// The fields that serde knows, taken from its own complaint about one that it does not.
    fn fields(section: &str) -> Vec<String> {
        let text = if section.is_empty() { "zzz = 1".to_owned() } else { format!("[{section}]\nzzz = 1") };
        let error = toml::from_str::<Config>(&text).unwrap_err();
        let (_, expected) = error.message().split_once("expected").unwrap();
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_list_and_the_sections_name_the_same_settings() {
        let mut known = BTreeSet::new();
        for name in fields("") {
            if matches!(name.as_str(), "public_url" | "root_keys_file" | "drain_seconds") {
                known.insert(name);
            } else {
                known.extend(fields(&name).into_iter().map(|field| format!("{name}.{field}")));
            }
        }
        let listed: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.key.to_owned()).collect();
        assert_eq!(listed, known);
        assert_eq!(listed.len(), SETTINGS.len(), "a setting is listed twice");
    }

    #[test]
    fn every_setting_is_set_by_its_variable() {
        let values = [
            ("LEASEHOLD_PUBLIC_URL", "https://broker.example"),
            ("LEASEHOLD_ROOT_KEYS_FILE", "keys"),
            ("LEASEHOLD_DRAIN_SECONDS", "1"),
            ("LEASEHOLD_HTTP_ADDRESS", "10.0.0.1:1"),
            ("LEASEHOLD_HTTP_PLAIN_OFF_LOOPBACK", "true"),
            ("LEASEHOLD_GRPC_ADDRESS", "10.0.0.1:2"),
            ("LEASEHOLD_GRPC_PLAIN_OFF_LOOPBACK", "true"),
            ("LEASEHOLD_TLS_CERTIFICATE", "c.pem"),
            ("LEASEHOLD_TLS_KEY", "k.pem"),
            ("LEASEHOLD_DATABASE_URL", "sqlite:other.db"),
            ("LEASEHOLD_DATABASE_MAX_CONNECTIONS", "3"),
            ("LEASEHOLD_AUDIT_WITNESS_FILE", "w"),
            ("LEASEHOLD_TELEMETRY_LOG_FORMAT", "pretty"),
            ("LEASEHOLD_TELEMETRY_LOG_FILTER", "debug"),
            ("LEASEHOLD_TELEMETRY_SLOW_OPERATION_MS", "12"),
            ("LEASEHOLD_LIMITS_MAX_LEASES_PER_PRINCIPAL", "4"),
            ("LEASEHOLD_LIMITS_REQUESTS_PER_SECOND", "5"),
            ("LEASEHOLD_LIMITS_BURST", "6"),
            ("LEASEHOLD_LIMITS_QUEUE", "7"),
            ("LEASEHOLD_LIMITS_BODY_BYTES", "8"),
            ("LEASEHOLD_LIMITS_MAX_LIFETIME_SECONDS", "9"),
            ("LEASEHOLD_LIMITS_MAX_RENEWALS", "10"),
            ("LEASEHOLD_LIMITS_DEFAULT_TTL_SECONDS", "11"),
            ("LEASEHOLD_EGRESS_ALLOW_PRIVATE", "true"),
            ("LEASEHOLD_SERVICES_DIRECTORY", "more"),
        ];
        let variables: BTreeMap<_, _> =
            values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut config = Config::default();
        apply(&mut config, &variables).unwrap();
        assert_eq!(SETTINGS.len(), variables.len());
        for setting in SETTINGS {
            let shown = (setting.shown)(&config).unwrap();
            assert_eq!(shown.trim_matches('"'), variables[&setting.variable()], "{}", setting.key);
        }
    }
}
