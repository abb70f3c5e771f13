//! `leasehold services`: the catalog of services, without a broker: what is built in, what a folder adds, and whether files
//! can be used.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};

use crate::{
    api::services::view,
    config::{Config, Environment, read_service},
    model::{
        catalog::{Catalog, Service},
        words::counted,
    },
};

use super::{CliError, output, remote};

/// Work with the catalog of services.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Services {
    /// List the services that credentials can be deposited for.
    List {
        #[command(flatten)]
        source: Source,
    },
    /// Show what a credential of a service consists of.
    Show {
        /// The service's name.
        name: String,
        #[command(flatten)]
        source: Source,
    },
    /// Say whether files describe services, and if not, where and why. Ends with status 1 when one does not.
    Check {
        /// Files such as `weather.toml`, named after their service.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Where the services come from, and how they are shown.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// The settings file, whose `services.directory` adds services.
    #[arg(long, value_name = "FILE", env = "LEASEHOLD_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Services {
    pub(super) fn run(self) -> Result<ExitCode, CliError> {
        match self {
            Self::List { source } => {
                let catalog = source.catalog()?;
                let services: Vec<Value> = catalog.services().map(shown).collect();
                source.print("services list", &json!({ "services": services }))
            }
            Self::Show { name, source } => {
                let catalog = source.catalog()?;
                let found = name.parse().ok().and_then(|name| catalog.find(&name));
                let absent = || {
                    CliError::Other(format!(
                        "no service `{name}`: `leasehold services list` names those there are"
                    ))
                };
                source.print("services show", &shown(found.ok_or_else(absent)?))
            }
            Self::Check { files } => check(&files),
        }
    }
}

impl Source {
    fn catalog(&self) -> Result<Catalog, CliError> {
        let config = Config::load(self.config.as_deref(), &Environment)?;
        Ok(config.services.catalog()?)
    }

    fn print(&self, command: &str, answer: &Value) -> Result<ExitCode, CliError> {
        let text = if self.json { format!("{answer}\n") } else { remote::shown(command, answer) };
        output::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn check(files: &[PathBuf]) -> Result<ExitCode, CliError> {
    let mut outcome = ExitCode::SUCCESS;
    for file in files {
        match read_service(file) {
            Ok(service) => output::print(&format!("{}\n", told(file, &service)))?,
            Err(error) => {
                outcome = ExitCode::FAILURE;
                output::complain(&error.to_string());
            }
        }
    }
    Ok(outcome)
}

fn told(file: &Path, service: &Service) -> String {
    let takes = match Catalog::built_in().find(&service.name) {
        Some(_) => "; takes the place of the one that is built in",
        None => "",
    };
    let fields = counted(service.fields.len(), "field");
    format!("{}: {} ({}), {fields}{takes}", file.display(), service.name, service.title)
}

fn shown(service: &Service) -> Value {
    json!(view(service))
}
