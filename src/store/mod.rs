//! Floor 3: rows, durable. To come: the façade.

pub mod admin;
pub mod backend;
pub mod chain;
mod error;
pub mod mutation;

pub use error::{Cause, StoreError};
