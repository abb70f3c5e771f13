//! Leasehold: a credential broker and lease service.
//!
//! The crate is built in floors; imports point down only, and `tests/it/floors.rs` enforces it:
//!
//! | floor | rooms | owns |
//! |---|---|---|
//! | 6 | `cli`, `server`, `lifecycle` | composition: the only floor that names concrete stores, clocks and listeners |
//! | 5 | `http`, `grpc`, `chores`, `api`, `wire` | ways in: translate, call the broker, translate back |
//! | 4 | `broker` | every rule |
//! | 3 | `store`, `keyring`, `issuer` | ports and their back ends; none imports another |
//! | 2 | `clock`, `entropy`, `egress`, `config`, `telemetry` | what is injected: time, randomness, outbound HTTP, settings, logs and metrics |
//! | 1 | `model` | pure vocabulary: ids, states, transitions, scopes, lifetimes |

pub mod api;
pub mod broker;
pub mod chores;
pub mod cli;
pub mod clock;
pub mod config;
pub mod egress;
pub mod entropy;
pub mod grpc;
pub mod http;
pub mod issuer;
pub mod keyring;
pub mod lifecycle;
pub mod model;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod wire;

/// The allocator of every program that links this library, SQLite included: a call is many small allocations, freed by
/// other threads than made them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
