//! Persons, and the system user that owns machines.

use super::{
    id::UserId,
    instant::Instant,
    page::{Cursor, Listed, OrderKey},
};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Unique among users, in lower case: see [`normal_email`].
    pub email: String,
    /// For people.
    pub name: String,
    /// An inactive user's tokens and leases don't hold.
    pub active: bool,
    /// Rises with each change that can end an entitlement.
    pub epoch: i64,
    /// Rises with each change of the row.
    pub revision: i64,
    /// When it was made.
    pub created_at: Instant,
}

/// An e-mail address as it is stored and compared. Mail servers may tell cases apart; none that anybody uses does, and a
/// person who is invited must not become another one by a capital letter.
#[must_use]
pub fn normal_email(address: &str) -> String {
    address.to_lowercase()
}

impl Listed for User {
    fn cursor(&self, key: OrderKey) -> Cursor {
        let id = self.id.to_string();
        let key = match key {
            OrderKey::Email => self.email.clone(),
            OrderKey::Name => self.name.clone(),
            _ => id.clone(),
        };
        Cursor { key, id }
    }
}

/// What to leave out of a list of users.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Only of this e-mail address.
    pub email: Option<String>,
    /// Only those that are, or are not, active.
    pub active: Option<bool>,
}
