//! Integration tests: a whole server in this process, asked in three ways, on both databases.
//!
//! `harness` starts servers, makes people and speaks the protocols; `scenarios` says what must hold, each over every
//! way in and every database; `bad_input` does the same for what must be refused; `authorization` computes from the
//! table of operations who must be refused; `telemetry` compares `docs/telemetry.md` with the code and with what a besieged
//! server shows; `issuers` plays against stand-ins of services, with time moved for both; `floors` reads the source.
//! `LEASEHOLD_TEST_POSTGRES` must name a PostgreSQL (see `tests/README.md`): nothing is skipped without it, it fails.

#[cfg(test)]
mod authorization;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod floors;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod issuers;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod telemetry;
