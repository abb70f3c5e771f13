//! Persons, and the system user that owns machines.

use super::{id::UserId, instant::Instant};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Unique among users.
    pub email: String,
    /// For people.
    pub name: String,
    /// An inactive user's tokens and leases don't hold.
    pub active: bool,
    /// Rises with each change that can end an entitlement.
    pub epoch: i64,
    /// When it was made.
    pub created_at: Instant,
}
