//! Time, injected. Nothing else reads the system's clock.

use crate::model::instant::Instant;

/// Tells the time. Cheap; called at every request.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Instant;
}
