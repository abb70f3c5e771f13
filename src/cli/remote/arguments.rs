//! From an operation to its command, and from the command's arguments to the request.

use std::{collections::BTreeMap, fs, io::Read as _};

use clap::{Arg, ArgAction, ArgMatches, Command, Error, error::ErrorKind};
use serde_json::{Map, Value};

use crate::{
    api::{
        Operation, Relation,
        shape::{Field, Kind},
    },
    cli::times,
};

use super::{Connection, pages::Wanted};

/// Adds a command for each operation, in groups.
pub(super) fn augment(command: Command, operations: impl Iterator<Item = &'static Operation>) -> Command {
    let mut groups: BTreeMap<&str, Vec<Command>> = BTreeMap::new();
    for operation in operations {
        let words = operation.command.and_then(|words| words.split_once(' '));
        if let Some((group, verb)) = words {
            groups.entry(group).or_default().push(one(operation, verb));
        }
    }
    let grouped = groups.into_iter().map(|(group, commands)| {
        let verbs: Vec<&str> = commands.iter().map(Command::get_name).collect();
        Command::new(group)
            .about(verbs.join(", "))
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands(commands)
    });
    command.subcommand_required(true).arg_required_else_help(true).subcommands(grouped)
}

/// The command of an operation by its whole name, as its usage shows it.
pub(super) fn command(operation: &'static Operation) -> Command {
    let root = if operation.relation == Relation::Own { "me" } else { "admin" };
    let words = operation.command.unwrap_or_default();
    let verb = words.rsplit(' ').next().unwrap_or_default();
    one(operation, verb).bin_name(format!("leasehold {root} {words}"))
}

/// The group, the verb and the verb's own arguments.
pub(super) fn chosen(matches: &ArgMatches) -> Option<(&str, &str, &ArgMatches)> {
    let (group, matches) = matches.subcommand()?;
    let (verb, own) = matches.subcommand()?;
    Some((group, verb, own))
}

pub(super) fn incomplete() -> Error {
    Error::raw(ErrorKind::MissingSubcommand, "say what to do; --help lists it\n")
}

/// The request that the arguments make.
pub(super) fn request(operation: &Operation, matches: &ArgMatches) -> Result<Map<String, Value>, Error> {
    let mut request = Map::new();
    for field in fields(operation) {
        let Some(text) = matches.get_one::<String>(&field.name) else { continue };
        request.insert(field.name.clone(), value(operation, &field, text)?);
    }
    Ok(request)
}

fn one(operation: &'static Operation, verb: &'static str) -> Command {
    let description: Vec<&str> = operation.description.lines().map(str::trim).collect();
    let path: Vec<&str> = operation.path_parameters().collect();
    let mut command = Command::new(verb)
        .about(operation.summary())
        .long_about(description.join("\n").trim().to_owned())
        .args(Connection::arguments())
        .args(Wanted::arguments(operation))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print the answer as JSON"));
    for field in fields(operation) {
        let position = path.iter().position(|name| *name == field.name);
        command = command.arg(argument(operation, &field, position));
    }
    command
}

fn fields(operation: &Operation) -> Vec<Field> {
    operation.generic.as_ref().map(|generic| (generic.request)().fields()).unwrap_or_default()
}

fn argument(operation: &Operation, field: &Field, position: Option<usize>) -> Arg {
    let hint = match field.kind {
        _ if field.secret => "@FILE|-",
        Kind::Boolean => "true|false",
        Kind::Integer => "N",
        Kind::Object => "JSON|@FILE|-",
        Kind::Text => "TEXT",
        Kind::Texts => "TEXT,…",
        Kind::Time => "TIME",
    };
    let mut help = field.description.replace('\n', " ");
    if field.secret {
        help += " From a file, or - for stdin.";
    } else if takes_durations(operation, field) {
        help += " Or how long ago, as in 90m, 24h, 7d.";
    }
    let argument = Arg::new(field.name.clone()).help(help);
    match position {
        Some(position) => argument.index(position + 1).required(true).value_name(field.name.to_uppercase()),
        None => argument.long(field.name.replace('_', "-")).value_name(hint).required(field.required),
    }
}

/// What is looked for lies in the past; when a thing shall end is no time ago.
fn takes_durations(operation: &Operation, field: &Field) -> bool {
    field.kind == Kind::Time && operation.method == http::Method::GET
}

fn value(operation: &Operation, field: &Field, text: &str) -> Result<Value, Error> {
    let wrong = |what: &str| {
        let option = field.name.replace('_', "-");
        Error::raw(ErrorKind::InvalidValue, format!("--{option}: {what}"))
    };
    let text = match field.kind {
        _ if field.secret => secret(text).map_err(|what| wrong(&what))?,
        Kind::Object => {
            from_file(text).transpose().map_err(|what| wrong(&what))?.unwrap_or_else(|| text.to_owned())
        }
        Kind::Time if takes_durations(operation, field) => {
            times::parse(text).map_err(|what| wrong(&what))?.to_string()
        }
        _ => text.to_owned(),
    };
    let value = field.kind.value(&text);
    match (field.kind, &value) {
        (Kind::Boolean, Value::String(_)) => Err(wrong("must be true or false")),
        (Kind::Integer, Value::String(_)) => Err(wrong("must be a whole number")),
        (Kind::Object, Value::String(_)) => Err(wrong("what was read is no JSON")),
        _ => Ok(value),
    }
}

/// A secret does not stand on a command line, where every process sees it and the shell remembers it.
fn secret(text: &str) -> Result<String, String> {
    let read = from_file(text).ok_or(
        "a secret is not given on the command line: name a file that holds it as @FILE, or \
                                      give - and it is read from stdin",
    )?;
    Ok(read?.trim().to_owned())
}

/// What `-` or `@FILE` names; none for anything else.
fn from_file(text: &str) -> Option<Result<String, String>> {
    if text == "-" {
        let mut read = String::new();
        let done = std::io::stdin().read_to_string(&mut read);
        return Some(done.map(|_| read).map_err(|error| format!("reading stdin: {error}")));
    }
    let file = text.strip_prefix('@')?;
    Some(fs::read_to_string(file).map_err(|error| format!("reading {file}: {error}")))
}
