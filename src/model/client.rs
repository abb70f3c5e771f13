//! OAuth clients (RFC 6749): programs that act for the user or organization that owns them.

use super::{
    id::ClientId,
    instant::Instant,
    organization::Role,
    owner::Owner,
    page::{Cursor, Listed, OrderKey},
    scope::ScopeSet,
};

/// A program with an id and secrets of its own. Its secrets' digests are kept apart from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id, the `client_id` of OAuth.
    pub id: ClientId,
    /// Whom it acts for.
    pub owner: Owner,
    /// For people.
    pub name: String,
    /// The role it acts with when an organization owns it; none when a user does.
    pub role: Option<Role>,
    /// The most its tokens may carry; also what they carry when a request names no scope.
    pub scopes: ScopeSet,
    /// An inactive client's tokens and leases don't hold.
    pub active: bool,
    /// Rises with each change; an access token of an older epoch is refused.
    pub epoch: i64,
    /// Rises with each change of the row.
    pub revision: i64,
    /// When it was made.
    pub created_at: Instant,
}

impl Listed for Client {
    fn cursor(&self, key: OrderKey) -> Cursor {
        let id = self.id.to_string();
        let key = match key {
            OrderKey::Name => self.name.clone(),
            _ => id.clone(),
        };
        Cursor { key, id }
    }
}

/// One of a client's secrets, as far as anybody may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretAge {
    /// When it was made.
    pub created_at: Instant,
    /// When it runs out; none for the present one.
    pub expires_at: Option<Instant>,
}

/// What to leave out of a list of clients.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// Only of this owner.
    pub owner: Option<Owner>,
    /// Only those that are, or are not, active.
    pub active: Option<bool>,
}
