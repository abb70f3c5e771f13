//! `leasehold serve` and `leasehold migrate`: production.

use std::{io, process::ExitCode, sync::Arc};

use crate::{
    clock::{Clock, SystemClock},
    lifecycle::Lifecycle,
    server::{Options, Server, StartError, open_backend},
    telemetry,
};

use super::{CliError, ConfigArgs, io_error, output};

/// Start a production server.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigArgs,
    /// Take a database that is older than the witness, once: ends every lease, makes access tokens worthless, switches off
    /// every MCP token.
    #[arg(long)]
    accept_restore: bool,
}

/// Bring the database's schema up to date, and do nothing else.
#[derive(Debug, clap::Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let config = self.config.load()?;
        telemetry::init(config.telemetry.log_format, &config.telemetry.log_filter, io::stderr)
            .map_err(|error| CliError::Other(format!("telemetry.log_filter: {error}")))?;
        let lifecycle = Lifecycle::new();
        lifecycle.on_signal().map_err(io_error("listening for signals"))?;
        refuse_development(&config).await?;
        let accept_restore = self.accept_restore;
        let options = Options { config, issuer_is_bound_address: false, accept_restore, clock: clock()? };
        let server = Server::start(options, lifecycle).await?;
        tracing::info!(http = %server.http, grpc = %server.grpc, url = %server.url, "ready");
        server.run().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl Migrate {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let config = self.config.load_database()?;
        let backend = open_backend(&config, true).await?;
        backend.close().await;
        output::print(&format!("the schema of {} is up to date\n", config.database.url))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Development data has well-known contents: production does not run on it.
async fn refuse_development(config: &crate::config::Config) -> Result<(), CliError> {
    let backend = open_backend(config, true).await?;
    let environment = backend.find_setting("environment").await;
    backend.close().await;
    if environment.map_err(StartError::from)?.as_deref() == Some("development") {
        let text =
            "this database was made by `leasehold dev`: production needs one of its own (see --database)";
        return Err(CliError::Other(text.to_owned()));
    }
    Ok(())
}

/// The process's clock.
#[cfg(not(feature = "test-clock"))]
#[expect(clippy::unnecessary_wraps, reason = "the clock of tests can fail")]
pub(super) fn clock() -> Result<Arc<dyn Clock>, CliError> {
    Ok(Arc::new(SystemClock::start()))
}

/// The process's clock; tests move it through a file.
#[cfg(feature = "test-clock")]
#[expect(clippy::unnecessary_wraps, reason = "as the clock of production")]
pub(super) fn clock() -> Result<Arc<dyn Clock>, CliError> {
    use crate::config::{Environment, Source as _, Variable};
    let system = Arc::new(SystemClock::start());
    Ok(match Environment.variable("LEASEHOLD_TEST_CLOCK_OFFSET_FILE") {
        Variable::Text(path) => Arc::new(crate::clock::FileClock::new(system, path.into())),
        Variable::Unset | Variable::NotUnicode => system,
    })
}
