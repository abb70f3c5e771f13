//! Floor 6: the command line. Parses, composes, prints; knows no rule.

// `println!` panics when the reader of a pipe left: see `output`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod audit;
mod bootstrap;
mod dev;
mod doctor;
mod keys;
mod output;
mod remote;
mod serve;
mod services;
#[cfg(feature = "stand-ins")]
mod stand_ins;
mod times;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    config::{Config, ConfigError, Environment},
    server::StartError,
};

/// A credential broker and lease service for the programs that give AI agents their tools.
#[derive(Debug, Parser)]
#[command(name = "leasehold", version, about, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything embedded, with development data, on loopback only.
    Dev(dev::Dev),
    /// Start a production server.
    Serve(serve::Serve),
    /// Bring the database's schema up to date, and do nothing else.
    Migrate(serve::Migrate),
    /// Work with root keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Work with the audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Administer a running broker: users, organizations, clients, credentials, tokens, leases, audit, keys.
    Admin(remote::Admin),
    /// Work with own credentials and tokens at a running broker.
    Me(remote::Me),
    /// Work with the catalog of services: what is built in, and files of one's own.
    #[command(subcommand)]
    Services(services::Services),
    /// Check a set-up, and say what is wrong and what to do.
    Doctor(doctor::Doctor),
    /// Print a commented settings file with every default.
    DefaultConfig,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file or a stream failed.
    #[error("{what}: {source}")]
    Io {
        /// What was done, with the path.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Whoever read the output left.
    #[error("nobody reads the output")]
    NobodyReads,
    /// The server does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Something else, said in full.
    #[error("{0}")]
    Other(String),
}

impl Cli {
    /// Runs the command that the arguments name. Results go to stdout, errors to stderr with a non-zero status.
    #[must_use]
    pub fn execute() -> ExitCode {
        Self::parse().start()
    }

    /// The same with other arguments than the process's own; the first is the program's name.
    #[must_use]
    pub fn execute_from(arguments: impl IntoIterator<Item = String>) -> ExitCode {
        Self::parse_from(arguments).start()
    }

    fn start(self) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(&format!("no threads: {error}")),
        };
        match runtime.block_on(self.command.run()) {
            Ok(code) => code,
            Err(CliError::NobodyReads) => ExitCode::from(NOBODY_READS),
            Err(error) => fail(&error.to_string()),
        }
    }
}

impl Command {
    async fn run(self) -> Result<ExitCode, CliError> {
        match self {
            Self::Dev(dev) => dev.run().await,
            Self::Serve(serve) => serve.run().await,
            Self::Migrate(migrate) => migrate.run().await,
            Self::Keys(keys) => keys.run(),
            Self::Services(services) => services.run(),
            Self::Audit(audit) => audit.run().await,
            Self::Admin(admin) => admin.run().await,
            Self::Me(me) => me.run().await,
            Self::Doctor(doctor) => doctor.run().await,
            Self::DefaultConfig => {
                output::print(&crate::config::default_file())?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Where settings come from: a file, the environment, and what the command line adds.
#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// The settings file; without it defaults and environment variables decide.
    #[arg(long, value_name = "FILE", env = "LEASEHOLD_CONFIG")]
    config: Option<PathBuf>,
    /// The database: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL", hide_env_values = true)]
    database: Option<String>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, CliError> {
        let mut config = Config::load(self.config.as_deref(), &Environment)?;
        set_database(&mut config, self.database.as_deref())?;
        config.validate()?;
        Ok(config)
    }
}

impl ConfigArgs {
    /// For commands that open the database alone: nothing else needs to be set.
    fn load_database(&self) -> Result<Config, CliError> {
        let mut config = Config::load(self.config.as_deref(), &Environment)?;
        set_database(&mut config, self.database.as_deref())?;
        Ok(config)
    }
}

fn set_database(config: &mut Config, url: Option<&str>) -> Result<(), CliError> {
    if let Some(url) = url {
        config.database.url = url.parse().map_err(|error| CliError::Other(format!("--database: {error}")))?;
    }
    Ok(())
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> CliError {
    let what = what.into();
    move |source| CliError::Io { what, source }
}

fn fail(message: &str) -> ExitCode {
    output::complain(message);
    ExitCode::FAILURE
}

/// As of a program that SIGPIPE ended, which most are when `head` has seen enough. Not 0: `audit verify | head` must never
/// pass for sound.
const NOBODY_READS: u8 = 141;
