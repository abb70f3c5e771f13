//! Holdings: everything one borrower could borrow from, as read at one moment.

use super::{
    credential::Credential,
    id::{OrganizationId, UserId},
    organization::{OrganizationStatus, Role},
    owner::Owner,
    service::{AccountName, ServiceName},
};

/// Whom a lease is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Whoever works for the broker itself: borrows nothing.
    Operator,
    /// A client of an organization: it has no personal credentials, and the role it was registered with.
    OrganizationClient {
        /// The organization that owns it.
        organization_id: OrganizationId,
        /// Its role there.
        role: Role,
    },
    /// A person, calling directly or through an own client.
    User(UserId),
}

impl Subject {
    /// The person, when it is one.
    #[must_use]
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Operator | Self::OrganizationClient { .. } => None,
            Self::User(id) => Some(*id),
        }
    }
}

/// Everything a subject could borrow from. A lease made of it is only recorded while every revision still stands.
#[derive(Debug, Clone)]
pub struct Holdings {
    /// Whose they are.
    pub subject: Subject,
    /// The subject's own credentials; primary first, then as deposited.
    pub personal: Vec<Credential>,
    /// What organizations share; oldest membership first.
    pub organizations: Vec<OrganizationHoldings>,
    /// What is there but does not read back: it is lent by nobody, and nothing takes its place.
    pub unreadable: Vec<UnreadableCredential>,
    /// The revision of each owner that was read. Any change to what can be borrowed raises one of them.
    pub revisions: Vec<(Owner, i64)>,
}

/// A credential whose row does not read back as what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableCredential {
    /// Whose it is.
    pub owner: Owner,
    /// The kind of backend.
    pub service: ServiceName,
    /// The account there.
    pub account: AccountName,
    /// Whether the bare service name means this account.
    pub primary: bool,
}

/// One organization's part of the holdings.
#[derive(Debug, Clone)]
pub struct OrganizationHoldings {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its name, for answers.
    pub name: String,
    /// Whether anything of it can be borrowed.
    pub status: OrganizationStatus,
    /// Its epoch.
    pub epoch: i64,
    /// The subject's role in it.
    pub role: Role,
    /// The membership's epoch; none for a client of the organization.
    pub membership_epoch: Option<i64>,
    /// Its credentials; primary first, then as deposited.
    pub credentials: Vec<Credential>,
}
