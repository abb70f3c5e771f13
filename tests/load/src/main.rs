//! Load: how fast a broker answers, beside the least that the same machine can do.
//!
//! A closed loop: so many requests are in flight, and each answer is followed by the next request. Every workload runs
//! in short rounds, each next to a round of its *floor*: a bare axum or tonic handler, in a process of its own as the
//! broker is, that gets the same requests from the same generator and answers as many bytes. Noise of the machine hits
//! both, so that the ratio holds where the figures don't.
//!
//! The broker is one that runs already, or this program once more in the part of `leasehold`: the same library, the same
//! command line, in a process of its own. This crate knows no rule of the broker; what it prepares without asking over
//! the network (people, credentials, clients, leases) goes through the library's own functions.

mod broker;
mod connection;
mod database;
mod floor;
mod generator;
mod memory;
mod options;
mod prepare;
mod principals;
mod report;
mod run;
mod workload;

use std::process::ExitCode;

/// What went wrong, said in full.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(broker::ROLE) => {
            let own = ["leasehold".to_owned()].into_iter().chain(arguments.into_iter().skip(2));
            leasehold::cli::Cli::execute_from(own)
        }
        Some(floor::ROLE) => finish(floor::serve(arguments.get(2).map_or("", String::as_str))),
        _ => finish(run::run()),
    }
}

fn finish(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("leasehold-load: {failure}");
            ExitCode::FAILURE
        }
    }
}
