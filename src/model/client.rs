//! OAuth clients (RFC 6749): programs that act for the user or organization that owns them.

use super::{id::ClientId, instant::Instant, organization::Role, owner::Owner, scope::ScopeSet};

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
    /// When it was made.
    pub created_at: Instant,
}
