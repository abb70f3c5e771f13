//! `leasehold admin` and `leasehold me`: every operation of the table, asked of a running broker over HTTP.
//!
//! The commands, their arguments and their help are made from the table and the shapes of the requests.

mod arguments;
mod ask;
mod print;

use std::process::ExitCode;

use clap::{ArgMatches, Command, Error, FromArgMatches};
use serde_json::{Map, Value};

use crate::api::{Operation, Relation, operations};

use super::{CliError, bootstrap::Bootstrap};

use ask::Connection;

/// `leasehold admin`: what operators and organizations' administrators do.
#[derive(Debug)]
pub(super) struct Admin(AdminCommand);

#[derive(Debug)]
enum AdminCommand {
    /// At a running broker.
    Asked(Asked),
    /// At the database itself.
    Bootstrap(Bootstrap),
}

/// `leasehold me`: what a person does with own things.
#[derive(Debug)]
pub(super) struct Me(Asked);

/// An operation, what to ask it, and whom.
#[derive(Debug)]
struct Asked {
    operation: &'static Operation,
    request: Map<String, Value>,
    connection: Connection,
    json: bool,
}

impl Admin {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        match self.0 {
            AdminCommand::Asked(asked) => asked.run().await,
            AdminCommand::Bootstrap(bootstrap) => bootstrap.run().await,
        }
    }
}

impl Me {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        self.0.run().await
    }
}

impl Asked {
    async fn run(self) -> Result<ExitCode, CliError> {
        if self.operation.answers_lines() {
            self.connection.print_lines(self.operation, self.request).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let answer = self.connection.ask(self.operation, self.request).await?;
        let text = if self.json { format!("{answer}\n") } else { print::human(&answer) };
        print!("{text}");
        Ok(ExitCode::SUCCESS)
    }

    fn read(matches: &ArgMatches, is_ours: fn(Relation) -> bool) -> Result<Self, Error> {
        let (group, verb, own) = arguments::chosen(matches).ok_or_else(arguments::incomplete)?;
        let words = format!("{group} {verb}");
        let found = ours(is_ours).find(|operation| operation.command == Some(&words));
        let operation = found.ok_or_else(arguments::incomplete)?;
        let request = arguments::request(operation, own)?;
        let connection = Connection::read(own)?;
        Ok(Self { operation, request, connection, json: own.get_flag("json") })
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
commands!(Me, |command| arguments::augment(command, ours(is_own)), |matches| Asked::read(matches, is_own));

fn augment_admin(command: Command) -> Command {
    let bootstrap = <Bootstrap as clap::Args>::augment_args(Command::new(BOOTSTRAP));
    arguments::augment(command, ours(administers)).subcommand(bootstrap)
}

fn read_admin(matches: &ArgMatches) -> Result<AdminCommand, Error> {
    match matches.subcommand() {
        Some((BOOTSTRAP, own)) => Bootstrap::from_arg_matches(own).map(AdminCommand::Bootstrap),
        _ => Asked::read(matches, administers).map(AdminCommand::Asked),
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
}
