//! `leasehold admin` and `leasehold me`: every operation of the table, asked of a running broker over HTTP.
//!
//! The commands, their arguments and their help are made from the table and the shapes of the requests.

mod arguments;
mod ask;
mod cells;
mod import;
mod pages;
mod print;
mod table;
mod worth;

use std::process::ExitCode;

use clap::{ArgMatches, Command, Error, FromArgMatches};
use serde_json::{Map, Value};

use crate::api::{Operation, Relation, operations};

use super::{CliError, bootstrap::Bootstrap, output};

use ask::Connection;
use import::{IMPORT, Import};
use pages::Wanted;
use table::Frame;

/// `leasehold admin`: what operators and organizations' administrators do.
#[derive(Debug)]
pub(super) struct Admin(AdminCommand);

#[derive(Debug)]
enum AdminCommand {
    /// At a running broker.
    Asked(Asked),
    /// At the database itself.
    Bootstrap(Bootstrap),
    /// At a running broker, once for each service of a file.
    Import(Import),
}

/// `leasehold me`: what a person does with own things.
#[derive(Debug)]
pub(super) struct Me(MeCommand);

#[derive(Debug)]
enum MeCommand {
    Asked(Asked),
    Import(Import),
}

/// An operation, what to ask it, and whom.
#[derive(Debug)]
struct Asked {
    operation: &'static Operation,
    request: Map<String, Value>,
    connection: Connection,
    wanted: Wanted,
    json: bool,
}

impl Admin {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        match self.0 {
            AdminCommand::Asked(asked) => asked.run().await,
            AdminCommand::Bootstrap(bootstrap) => bootstrap.run().await,
            AdminCommand::Import(import) => import.run().await,
        }
    }
}

impl Me {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        match self.0 {
            MeCommand::Asked(asked) => asked.run().await,
            MeCommand::Import(import) => import.run().await,
        }
    }
}

/// An answer of the operation that a command of people's own asks for, as text.
pub(super) fn shown(command: &str, answer: &Value) -> String {
    let is_it =
        |operation: &&Operation| operation.command == Some(command) && operation.relation == Relation::Own;
    operations().find(is_it).map_or_else(|| format!("{answer}\n"), |found| text(found, answer, &Map::new()))
}

/// An answer for people, as wide as the terminal.
fn text(operation: &Operation, answer: &Value, asked: &Map<String, Value>) -> String {
    let shape = operation.generic.as_ref().map(|generic| (generic.answer)());
    let frame = Frame { width: output::width(), asked };
    shape.map_or_else(|| format!("{answer}\n"), |shape| print::human(answer, &shape, frame))
}

impl Asked {
    async fn run(self) -> Result<ExitCode, CliError> {
        if self.operation.answers_lines() {
            self.connection.print_lines(self.operation, self.request).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let answer = pages::ask(&self.connection, self.operation, self.request.clone(), self.wanted).await?;
        output::print(&if self.json {
            format!("{answer}\n")
        } else {
            text(self.operation, &answer, &self.request)
        })?;
        Ok(if self.operation.tells_faults(&answer) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn read(matches: &ArgMatches, is_ours: fn(Relation) -> bool) -> Result<Self, Error> {
        let (group, verb, own) = arguments::chosen(matches).ok_or_else(arguments::incomplete)?;
        let words = format!("{group} {verb}");
        let found = ours(is_ours).find(|operation| operation.command == Some(&words));
        let operation = found.ok_or_else(arguments::incomplete)?;
        let usage = |error: Error| error.format(&mut arguments::command(operation));
        let request = arguments::request(operation, own).map_err(usage)?;
        let connection = Connection::read(own).map_err(usage)?;
        let (wanted, json) = (Wanted::read(operation, own), own.get_flag("json"));
        Ok(Self { operation, request, connection, wanted, json })
    }
}

fn ours(is_ours: fn(Relation) -> bool) -> impl Iterator<Item = &'static Operation> {
    operations().filter(move |operation| is_ours(operation.relation) && operation.command.is_some())
}

const fn administers(relation: Relation) -> bool {
    matches!(relation, Relation::Operator | Relation::Organization)
}

const fn is_own(relation: Relation) -> bool {
    matches!(relation, Relation::Own)
}

macro_rules! commands {
    ($name:ident, $augment:expr, $read:expr) => {
        impl clap::Args for $name {
            fn augment_args(command: Command) -> Command {
                $augment(command)
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
                $read(matches).map(Self)
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

commands!(Admin, augment_admin, read_admin);
commands!(Me, augment_me, read_me);

fn augment_admin(command: Command) -> Command {
    let bootstrap = <Bootstrap as clap::Args>::augment_args(Command::new(BOOTSTRAP));
    arguments::augment(command, ours(administers)).subcommand(bootstrap).subcommand(import::for_others())
}

fn augment_me(command: Command) -> Command {
    arguments::augment(command, ours(is_own)).subcommand(import::for_oneself())
}

fn read_admin(matches: &ArgMatches) -> Result<AdminCommand, Error> {
    match matches.subcommand() {
        Some((BOOTSTRAP, own)) => Bootstrap::from_arg_matches(own).map(AdminCommand::Bootstrap),
        Some((IMPORT, own)) => Import::read_for_others(own).map(AdminCommand::Import),
        _ => Asked::read(matches, administers).map(AdminCommand::Asked),
    }
}

fn read_me(matches: &ArgMatches) -> Result<MeCommand, Error> {
    match matches.subcommand() {
        Some((IMPORT, own)) => Import::read_for_oneself(own).map(MeCommand::Import),
        _ => Asked::read(matches, is_own).map(MeCommand::Asked),
    }
}

const BOOTSTRAP: &str = "bootstrap";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Admin, Error> {
        let command = <Admin as clap::Args>::augment_args(Command::new("admin"));
        let words = ["admin"].into_iter().chain(words.split(' '));
        Admin::from_arg_matches(&command.try_get_matches_from(words)?)
    }

    #[test]
    fn every_operation_of_administration_is_a_command() {
        <Admin as clap::Args>::augment_args(Command::new("admin")).debug_assert();
        <Me as clap::Args>::augment_args(Command::new("me")).debug_assert();
        for operation in operations().filter(|operation| operation.generic.is_some()) {
            assert_eq!(
                operation.command.map(|words| words.split(' ').count()),
                Some(2),
                "{}",
                operation.name
            );
        }
    }

    #[test]
    fn arguments_become_the_request() {
        let asked = parse("users update usr_1 --name Ada --active false --url http://127.0.0.1:1")
            .expect("a command")
            .0;
        let AdminCommand::Asked(asked) = asked else { panic!("an operation") };
        assert_eq!(asked.operation.name, "update_user");
        let expected = serde_json::json!({ "id": "usr_1", "name": "Ada", "active": false });
        assert_eq!(Value::Object(asked.request), expected);
        for wrong in [
            "users",
            "users fly",
            "users update",
            "users update usr_1 --active maybe",
            "users create --name A",
            "bootstrap --name",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(matches!(parse("bootstrap --force").expect("a command").0, AdminCommand::Bootstrap(_)));
    }

    fn asked(words: &str) -> Result<Asked, Error> {
        match parse(words)?.0 {
            AdminCommand::Asked(asked) => Ok(asked),
            AdminCommand::Bootstrap(_) | AdminCommand::Import(_) => panic!("an operation"),
        }
    }

    #[test]
    fn secrets_come_from_files() {
        let command = "credentials create --owner org_1 --service notion --fields";
        for literal in [r#"{"access_token":"hunter2"}"#, "hunter2"] {
            let error = asked(&format!("{command} {literal}")).expect_err("a usage error");
            let text = error.to_string();
            assert!(
                text.contains("--fields") && text.contains("command line") && !text.contains("hunter2"),
                "{text}"
            );
            assert_eq!(error.exit_code(), 2);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("fields.json");
        std::fs::write(&file, "{\"access_token\": \"hunter2\"}\n").expect("a file");
        let read = asked(&format!("{command} @{}", file.display())).expect("a command");
        assert_eq!(read.request["fields"], serde_json::json!({ "access_token": "hunter2" }));
        std::fs::write(&file, "hunter2").expect("a file");
        let error = asked(&format!("{command} @{}", file.display())).expect_err("no JSON").to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(asked(&format!("{command} @{}/none", folder.path().display())).is_err());
    }

    #[test]
    fn a_usage_error_shows_the_usage_of_its_command() {
        for (words, usage) in [
            (
                "credentials create --owner org_1 --service notion --fields {}",
                "leasehold admin credentials create",
            ),
            ("audit query --since yesterday", "leasehold admin audit query"),
            ("users update usr_1 --active maybe", "leasehold admin users update"),
            ("users list --page-size many", "leasehold admin users list"),
            ("users list --url nowhere", "leasehold admin users list"),
        ] {
            let error = asked(words).expect_err("a usage error").to_string();
            assert!(error.contains(&format!("Usage: {usage} [OPTIONS]")), "{error}");
        }
    }

    #[test]
    fn every_secret_of_a_request_is_marked() {
        let secret = |operation: &Operation| {
            let fields = operation.generic.as_ref().map(|generic| (generic.request)().fields());
            fields
                .into_iter()
                .flatten()
                .filter(|field| field.secret)
                .map(|field| field.name)
                .collect::<Vec<_>>()
        };
        for operation in operations() {
            let expected: &[&str] = match operation.name {
                "create_credential"
                | "rotate_credential"
                | "create_own_credential"
                | "rotate_own_credential" => &["fields"],
                "accept_invitation" => &["link"],
                "put_application" => &["client_secret"],
                _ => &[],
            };
            assert_eq!(secret(operation), expected, "{}", operation.name);
        }
    }

    #[test]
    fn times_of_queries_may_be_ago() {
        let request =
            asked("audit query --since 24h --until 2026-01-31T09:30:00Z").expect("a command").request;
        assert_eq!(request["until"], "2026-01-31T09:30:00.000000Z");
        let since = request["since"].as_str().expect("text");
        assert!(since.parse::<crate::model::instant::Instant>().is_ok(), "{since}");
        let error = asked("leases find --created-from yesterday").expect_err("no time").to_string();
        assert!(error.contains("--created-from") && error.contains("24h"), "{error}");
        let request = asked("tokens create --name a --scopes b --expires-at 24h").expect("a command").request;
        assert_eq!(request["expires_at"], "24h", "the broker refuses it: it is no time ago");
    }

    #[test]
    fn lists_go_on_when_asked() {
        let wanted = |words: &str| asked(words).expect("a command").wanted;
        assert_eq!(wanted("users list"), Wanted::OnePage);
        assert_eq!(wanted("users list --all"), Wanted::AtMost(u64::MAX));
        assert_eq!(wanted("audit query --limit 7"), Wanted::AtMost(7));
        for wrong in ["users list --limit 0", "users list --limit 3 --all", "users show usr_1 --all"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
