//! The real program, as processes of its own: killed, stopped, starved of its database and its disk, sent garbage, and
//! searched for secrets.
//!
//! What can be tested within one process is tested elsewhere; here is what only an operating system shows. Needs
//! `LEASEHOLD_TEST_POSTGRES` (see `tests/README.md`). `LEASEHOLD_TEST_KILLS=20` kills each database's broker twenty
//! times rather than twice; `LEASEHOLD_TEST_SEED` repeats a run's random choices, which every failing run prints.

#![expect(
    clippy::disallowed_methods,
    reason = "what is tested here are processes, which run on the machine's own clock and environment"
)]

#[cfg(test)]
mod bootstrap;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod disk_full;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod import_env;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod production;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod services;
#[cfg(test)]
mod start_stop;
#[cfg(test)]
mod tls;
