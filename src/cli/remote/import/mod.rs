//! `leasehold admin import-env` and `leasehold me import-env`: what a worker had in its `.env`, deposited at a running broker.
//!
//! Owns which variables are recognised ([`recognised`]), what makes a whole credential ([`plan`]), and what is told. The
//! broker judges; this asks it once for each service. No value is printed, whatever goes wrong.

mod dotenv;
mod plan;
mod recognised;
mod report;

use std::{fs, path::PathBuf, process::ExitCode};

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    api::{Operation, operation},
    cli::{CliError, io_error, output},
    model::{catalog::Catalog, secret::SecretText},
};

use super::ask::{Connection, Refusal};

use plan::{Deposit, Planned, plan};
use report::{Outcome, Report, Row, stored};

/// Deposit what a worker's `.env` file holds.
///
/// Each service that the file has whole is tried and deposited; what is there already stays as it is. Placeholders are
/// skipped. Ends with status 1 when something was refused or failed. No value is ever printed.
#[derive(Debug, Args)]
struct Options {
    /// The file: NAME=value, a line each.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which account at each service; `default` unless told.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Say what would be deposited, and ask nobody.
    #[arg(long)]
    dry_run: bool,
    /// Deposit without trying the credentials at their services.
    #[arg(long)]
    no_validate: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// For whom an administrator deposits.
#[derive(Debug, Args)]
struct Beneficiary {
    /// Whose the credentials shall be: an organization's id, or a person's.
    #[arg(long, value_name = "ID", required_unless_present = "dry_run")]
    owner: Option<String>,
    /// Who may borrow an organization's: `all_members`, `admins_only`, `user:<id>`.
    #[arg(long, value_name = "TEXT,…", value_delimiter = ',')]
    sharing: Vec<String>,
    /// Why; required when the owner is a person.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// A file to import, and where to.
#[derive(Debug)]
pub(super) struct Import {
    options: Options,
    /// None for one's own.
    beneficiary: Option<Beneficiary>,
    connection: Connection,
}

/// The command's name.
pub(super) const IMPORT: &str = "import-env";

/// The command of administrators.
pub(super) fn for_others() -> Command {
    made(Beneficiary::augment_args(Command::new(IMPORT)))
}

/// The command of people.
pub(super) fn for_oneself() -> Command {
    made(Command::new(IMPORT))
}

/// Last, since its words stand for the whole.
fn made(command: Command) -> Command {
    Options::augment_args(command).args(Connection::arguments())
}

impl Import {
    pub(super) fn read_for_others(matches: &ArgMatches) -> Result<Self, Error> {
        let beneficiary = Some(Beneficiary::from_arg_matches(matches)?);
        Ok(Self { beneficiary, ..Self::read_for_oneself(matches)? })
    }

    pub(super) fn read_for_oneself(matches: &ArgMatches) -> Result<Self, Error> {
        let (options, connection) = (Options::from_arg_matches(matches)?, Connection::read(matches)?);
        Ok(Self { options, beneficiary: None, connection })
    }

    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let file = self.options.file.display();
        let text = SecretText::new(
            fs::read_to_string(&self.options.file).map_err(io_error(format!("reading {file}")))?,
        );
        let variables = dotenv::read(text.expose()).map_err(|wrong| {
            let lines: Vec<String> = wrong.iter().map(|wrong| format!("{file}: {wrong}")).collect();
            CliError::Other(lines.join("\n"))
        })?;
        let plan = plan(variables);
        let mut report = Report { services: Vec::new(), unrecognised: plan.unrecognised };
        for (service, planned) in plan.services {
            report.services.push(self.row(service, planned).await?);
        }
        let text = if self.options.json { format!("{}\n", json!(report)) } else { report.text() };
        output::print(&text)?;
        Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn row(&self, service: &'static str, planned: Planned) -> Result<Row, CliError> {
        let (outcome, detail) = match planned {
            Planned::Deposit(deposit) if self.options.dry_run => {
                let names: Vec<&str> = deposit.0.keys().map(String::as_str).collect();
                (Outcome::Importable, names.join(", "))
            }
            Planned::Deposit(deposit) => return self.deposit(service, deposit).await,
            Planned::Placeholder(names) => (Outcome::Skipped, format!("placeholder: {}", names.join(", "))),
            Planned::Incomplete(names) => (Outcome::Incomplete, format!("lacks {}", names.join(", "))),
            Planned::Otherwise(what) => (Outcome::Skipped, what.to_owned()),
            Planned::Unreadable(name) => (Outcome::Refused, format!("{name} must be true or false")),
        };
        Ok(Row { service, outcome, detail, credential_id: None })
    }

    async fn deposit(&self, service: &'static str, Deposit(fields): Deposit) -> Result<Row, CliError> {
        let secrets = secrets(service, &fields);
        // Whatever answers there need not be a broker.
        let unless_repeated = |told: String| {
            let repeats = secrets.iter().any(|secret| told.contains(secret.expose()));
            if repeats { "the answer repeats a value, and is not shown".to_owned() } else { told }
        };
        let mut credential_id = None;
        let (outcome, detail) =
            match self.connection.attempt(self.operation()?, self.request(service, fields)).await {
                Ok(Ok(answer)) => {
                    let id = answer.get("id").and_then(Value::as_str);
                    credential_id = id.map(|id| unless_repeated(id.to_owned()));
                    (Outcome::Imported, unless_repeated(stored(&answer)))
                }
                Ok(Err(refusal)) if refusal.status == StatusCode::CONFLICT => {
                    (Outcome::Exists, "stays as it is".to_owned())
                }
                Ok(Err(refusal)) if refusal.status.is_server_error() => {
                    (Outcome::Failed, unless_repeated(told(&refusal)))
                }
                Ok(Err(refusal)) => (Outcome::Refused, unless_repeated(told(&refusal))),
                Err(error) => (Outcome::Failed, error.to_string()),
            };
        Ok(Row { service, outcome, detail, credential_id })
    }

    fn request(&self, service: &str, fields: Map<String, Value>) -> Map<String, Value> {
        let mut request = Map::new();
        let mut put = |name: &str, value: Value| drop(request.insert(name.to_owned(), value));
        put("service", json!(service));
        put("fields", Value::Object(fields));
        put("validate", json!(!self.options.no_validate));
        if let Some(account) = &self.options.account {
            put("account", json!(account));
        }
        if let Some(Beneficiary { owner, sharing, reason }) = &self.beneficiary {
            put("owner", json!(owner));
            if !sharing.is_empty() {
                put("sharing", json!(sharing));
            }
            if let Some(reason) = reason {
                put("reason", json!(reason));
            }
        }
        request
    }

    fn operation(&self) -> Result<&'static Operation, CliError> {
        let name = if self.beneficiary.is_some() { "create_credential" } else { "create_own_credential" };
        operation(name).ok_or_else(|| CliError::Other(format!("no operation {name}")))
    }
}

/// The secrets of a deposit; what is shorter than any stands in every text.
fn secrets(service: &str, fields: &Map<String, Value>) -> Vec<SecretText> {
    let known = service.parse().ok().and_then(|name| Catalog::built_in().find(&name));
    let is_secret = |name: &str| !known.is_some_and(|known| known.is_open(name));
    let texts = fields.iter().filter(|(name, _)| is_secret(name)).filter_map(|(_, value)| value.as_str());
    texts.filter(|text| text.len() >= SHORTEST).map(|text| text.to_owned().into()).collect()
}

/// A refusal in one line: each field that was wrong, else the detail.
fn told(refusal: &Refusal) -> String {
    let wrong = refusal.violations();
    if wrong.is_empty() { refusal.summary() } else { wrong.join("; ") }
}

const SHORTEST: usize = 4;
