//! Floor 3: rows, durable. To come: the façade.

pub mod admin;
pub mod backend;
pub mod chain;
pub mod committer;
mod error;
pub mod mutation;

pub use error::{Cause, StoreError};
