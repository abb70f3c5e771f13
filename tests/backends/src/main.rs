//! `leasehold-backends`: the stand-ins as a program, for development and for tests of other processes.

use std::{any::Any, collections::BTreeMap, io, process::ExitCode};

use clap::{Parser, ValueEnum};
use leasehold_backends::{
    Clock, Listen, Running,
    anything::{self, Anything},
    jira::{self, Jira},
    notion::{self, Notion},
    oauth::{self, OAuth},
    orderdesk::{self, OrderDesk},
    todo::{self, Todo},
    todoist::{self, Todoist},
    tray::{self, Tray},
};
use tokio::signal::unix::{SignalKind, signal};

/// Starts stand-ins on 127.0.0.1 and says where they are, until SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "leasehold-backends", version)]
struct Arguments {
    /// Prints one JSON object, from names to URLs, instead of a line each.
    #[arg(long)]
    json: bool,
    /// The port of one stand-in; any free one unless it is given.
    #[arg(long, value_name = "NAME=PORT", value_parser = port_of)]
    port_of: Vec<(Name, u16)>,
    /// Which ones; all of them when none is named.
    names: Vec<Name>,
}

/// The stand-ins by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Name {
    Tray,
    #[value(name = "orderdesk")]
    OrderDesk,
    Todo,
    #[value(name = "oauth")]
    OAuth,
    Anything,
    Todoist,
    Jira,
    Notion,
}

/// A stand-in that runs as long as this lives, and its URL.
type Started = (String, Box<dyn Any>);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("leasehold-backends: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    // Before anything is printed: whoever reads a URL may send a signal at once.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let names = if arguments.names.is_empty() { Name::value_variants().to_vec() } else { arguments.names };
    let clock = Clock::start();
    let mut started: BTreeMap<Name, Started> = BTreeMap::new();
    for name in names {
        if started.contains_key(&name) {
            continue;
        }
        let port = arguments.port_of.iter().find(|(wanted, _)| *wanted == name).map_or(0, |(_, port)| *port);
        let one = start(name, Listen { port, clock: Some(clock.clone()) }).await;
        started.insert(name, one.map_err(|error| named_error(name, port, &error))?);
    }
    let urls = started.iter().map(|(name, (url, _))| (text(*name), url.clone()));
    if arguments.json {
        println!("{}", urls.collect::<serde_json::Value>());
    } else {
        urls.for_each(|(name, url)| println!("{name} {url}"));
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

async fn start(name: Name, listen: Listen) -> io::Result<Started> {
    Ok(match name {
        Name::Tray => kept(Tray::start(tray::Options { listen, ..Default::default() }).await?),
        Name::OrderDesk => kept(OrderDesk::start(orderdesk::Options { listen, ..Default::default() }).await?),
        Name::Todo => kept(Todo::start(todo::Options { listen, ..Default::default() }).await?),
        Name::OAuth => kept(OAuth::start(oauth::Options { listen, ..Default::default() }).await?),
        Name::Anything => kept(Anything::start(anything::Options { listen }).await?),
        Name::Todoist => kept(Todoist::start(todoist::Options { listen, ..Default::default() }).await?),
        Name::Jira => kept(Jira::start(jira::Options { listen, ..Default::default() }).await?),
        Name::Notion => kept(Notion::start(notion::Options { listen, ..Default::default() }).await?),
    })
}

fn kept<B: 'static>(running: Running<B>) -> Started {
    (running.url().to_owned(), Box::new(running))
}

fn port_of(argument: &str) -> Result<(Name, u16), String> {
    let (name, port) = argument.split_once('=').ok_or("NAME=PORT is expected")?;
    Ok((Name::from_str(name, false)?, port.parse().map_err(|_| format!("{port} is no port"))?))
}

fn named_error(name: Name, port: u16, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{} on 127.0.0.1:{port}: {error}", text(name)))
}

fn text(name: Name) -> String {
    name.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
