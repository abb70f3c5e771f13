//! Integration tests: a whole server in this process, asked in three ways, on both databases.
//!
//! `harness` starts servers, makes people and speaks the protocols; `scenarios` says what must hold, each over every
//! way in and every database; `bad_input` does the same for what must be refused; `floors` reads the source.
//! `LEASEHOLD_TEST_POSTGRES` must name a PostgreSQL (see `tests/README.md`): nothing is skipped without it, it fails.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod floors;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod scenarios;
