//! Floor 4: every rule. Knows neither axum nor tonic nor SQL.

use std::sync::Arc;

mod call;
mod error;
pub mod leases;
pub mod tokens;

pub use call::{Call, Caller, Origin};
pub use error::{Code, Error, MissingCredentials, Violation};

/// The broker: one value, shared by every way in.
pub struct Broker {
    _inner: Arc<()>,
}
