//! What is asked and answered about clients.

use crate::{
    broker::listing::ListRequest,
    model::{
        client::{Client, SecretAge},
        organization::Role,
        owner::Owner,
        scope::ScopeSet,
    },
};

/// A client to register.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Whom it acts for.
    pub owner: Owner,
    /// For people.
    pub name: String,
    /// The role it acts with; required when an organization owns it.
    pub role: Option<Role>,
    /// The most its tokens may carry.
    pub scopes: ScopeSet,
}

/// A client to register, as sent.
#[derive(Debug, Clone, Default)]
pub struct RegisterClient {
    /// Whom it acts for: an organization, a person, or `system`.
    pub owner: String,
    /// 1 to 100 characters.
    pub name: String,
    /// As in [`NewClient`].
    pub role: Option<Role>,
    /// At least one.
    pub scopes: Vec<String>,
    /// Why; required for a person's.
    pub reason: Option<String>,
}

/// What to change of a client; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct UpdateClient {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// At least one. Tokens issued before are refused.
    pub scopes: Option<Vec<String>>,
    /// The role of an organization's client.
    pub role: Option<Role>,
    /// Off: its tokens are refused and all its leases end.
    pub active: Option<bool>,
    /// The revision that the caller read, if it cares.
    pub revision: Option<i64>,
    /// As in [`RegisterClient`].
    pub reason: Option<String>,
}

/// A new secret for a client.
#[derive(Debug, Clone, Default)]
pub struct RotateSecret {
    /// How long the present secrets stay good: 0 to 30 days, a day unless told.
    pub overlap_seconds: Option<i64>,
    /// The revision that the caller read, if it cares.
    pub revision: Option<i64>,
    /// As in [`RegisterClient`].
    pub reason: Option<String>,
}

/// A client, and how old its secrets are.
#[derive(Debug, Clone)]
pub struct ShownClient {
    /// The row.
    pub client: Client,
    /// Those that are good, newest first.
    pub secrets: Vec<SecretAge>,
}

/// Which clients to list.
#[derive(Debug, Clone, Default)]
pub struct ListClients {
    /// Whose, as sent; only operators may leave it out.
    pub owner: Option<String>,
    /// Only those that are, or are not, active.
    pub active: Option<bool>,
    /// Which part.
    pub page: ListRequest,
}
