//! `leasehold doctor`: looks at a set-up, and says what is wrong and what to do about it. Changes nothing, and shows no
//! secret.

mod certificate;
mod database;
mod files;
mod finding;
mod network;

use std::process::ExitCode;

use crate::{
    clock::{Clock as _, SystemClock},
    config::{Config, ConfigError, Environment, Problem},
    model::words::counted,
};

use super::{CliError, ConfigArgs, output, set_database};
use finding::{Finding, Level, Report};

/// Check a set-up: settings, keys, database, files, ports, certificate, audit log. Fails when something is wrong.
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let mut report = Report::default();
        match Config::load(self.config.config.as_deref(), &Environment) {
            Err(error) => report.add(settings(&error)),
            Ok(mut config) => {
                set_database(&mut config, self.config.database.as_deref())?;
                report.add(match config.validate() {
                    Ok(()) => vec![Finding::ok(SETTINGS, "every setting makes sense")],
                    Err(error) => settings(&error),
                });
                let clock = SystemClock::start();
                report.add(services(&config));
                report.add(files::check(&config, self.config.config.as_deref()));
                report.add(certificate::check(&config, clock.now()));
                report.add(network::check(&config).await);
                report.add(database::check(&config, &clock).await);
            }
        }
        output::print(&if self.json { format!("{}\n", report.json()) } else { report.text() })?;
        Ok(if report.count(Level::Problem) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn settings(error: &ConfigError) -> Vec<Finding> {
    let advice = "`leasehold default-config` prints every setting with its meaning";
    error.problems().iter().map(|problem| Finding::problem(SETTINGS, problem.to_string(), advice)).collect()
}

/// Whether every service is described so that it can be used.
fn services(config: &Config) -> Vec<Finding> {
    match config.services.catalog() {
        Ok(catalog) => {
            let known = counted(catalog.services().count(), "service");
            vec![Finding::ok(SERVICES, format!("{known} in the catalog"))]
        }
        Err(error) => {
            let advice = "mend the file, then look again: `leasehold services check FILE`";
            let problem = |problem: &Problem| Finding::problem(SERVICES, problem.to_string(), advice);
            error.problems().iter().map(problem).collect()
        }
    }
}

const SERVICES: &str = "services";
const SETTINGS: &str = "configuration";
