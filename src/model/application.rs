//! Applications: what services know the broker by, so that people can connect accounts there.

use super::{instant::Instant, owner::Owner, sealed::Sealed, service::ServiceName};

/// An OAuth client (RFC 6749, section 2) that a service gave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// `system` for everybody, or an organization that has its own.
    pub owner: Owner,
    /// Whose client it is.
    pub service: ServiceName,
    /// Its id there; no secret.
    pub client_id: String,
    /// Its secret, under the owner's data key.
    pub sealed: Sealed,
    /// Rises with each change.
    pub version: i64,
    /// When it was registered.
    pub created_at: Instant,
}
