//! Organizations, memberships, roles and sharing rules.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    id::{OrganizationId, UserId},
    instant::Instant,
    named::{ParseNameError, named},
    page::{Cursor, Listed, OrderKey},
};

/// A company or a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name, for people.
    pub name: String,
    /// Whether its credentials can be borrowed.
    pub status: OrganizationStatus,
    /// Rises with each change that can end an entitlement.
    pub epoch: i64,
    /// Rises with each change of the row.
    pub revision: i64,
    /// When it was made.
    pub created_at: Instant,
}

impl Listed for Organization {
    fn cursor(&self, key: OrderKey) -> Cursor {
        let id = self.id.to_string();
        let key = if key == OrderKey::Name { self.name.clone() } else { id.clone() };
        Cursor { key, id }
    }
}

/// What to leave out of a list of organizations.
#[derive(Debug, Clone, Default)]
pub struct OrganizationFilter {
    /// Only of this name.
    pub name: Option<String>,
    /// Only of this status; unless told, those that were deleted are left out.
    pub status: Option<OrganizationStatus>,
    /// Only those that this person is an owner or admin of.
    pub administered_by: Option<UserId>,
}

impl OrganizationFilter {
    /// Whether the name and the status are wanted.
    #[must_use]
    pub fn admits(&self, organization: &Organization) -> bool {
        let status = self.status.map_or(organization.status != OrganizationStatus::Deleted, |status| {
            status == organization.status
        });
        status && self.name.as_ref().is_none_or(|name| *name == organization.name)
    }
}

/// A person's role in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The person.
    pub user_id: UserId,
    /// The role.
    pub role: Role,
    /// Rises with each change.
    pub epoch: i64,
    /// Since when; the oldest membership wins when several organizations qualify.
    pub created_at: Instant,
}

/// A membership with the names of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// Whether it is active.
    pub organization_status: OrganizationStatus,
    /// The person.
    pub user_id: UserId,
    /// The person's e-mail address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Whether the person is switched on.
    pub active: bool,
    /// The role.
    pub role: Role,
    /// Rises with each change of the membership.
    pub revision: i64,
    /// Since when.
    pub created_at: Instant,
}

impl Listed for Member {
    fn cursor(&self, key: OrderKey) -> Cursor {
        let id = format!("{}:{}", self.organization_id, self.user_id);
        let key = match key {
            OrderKey::CreatedAt => self.created_at.micros().to_string(),
            OrderKey::Email => self.email.clone(),
            OrderKey::Name => self.name.clone(),
            // Not sorted by anything else.
            _ => id.clone(),
        };
        Cursor { key, id }
    }
}

/// Which memberships to list.
#[derive(Debug, Clone, Copy)]
pub enum MemberFilter {
    /// An organization's; of this role alone, if one is given.
    Organization(OrganizationId, Option<Role>),
    /// A person's.
    User(UserId),
}

/// What a membership lets a person do at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberStanding {
    /// The role.
    pub role: Role,
    /// The membership's epoch.
    pub epoch: i64,
    /// Whether the organization is active.
    pub organization: OrganizationStatus,
}

named! {
    /// What a member may do; a higher one includes the lower ones.
    Role, "role":
    /// Is let in, but shares in nothing that is shared with all members.
    Guest = "guest";
    /// Shares in what is shared with all members.
    Member = "member";
    /// Also shares in what is for administrators alone.
    Admin = "admin";
    /// Everything.
    Owner = "owner";
}

named! {
    /// Whether an organization's credentials can be borrowed.
    OrganizationStatus, "organization status":
    /// Yes.
    Active = "active";
    /// No, until it is active again.
    Suspended = "suspended";
    /// Never again: it has no members, clients or credentials any more, and keeps its id and name for the audit.
    Deleted = "deleted";
}

impl Role {
    /// Whether somebody of this role may give, change and take away `other`: admins and owners, up to their own.
    #[must_use]
    pub fn may_manage(self, other: Self) -> bool {
        self >= Self::Admin && other <= self
    }
}

/// Who in an organization may borrow a credential: its entries are OR-ed. An empty rule admits nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SharingRule(pub Vec<SharingEntry>);

/// One entry of a sharing rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharingEntry {
    /// Owners and admins.
    AdminsOnly,
    /// Everybody but guests.
    AllMembers,
    /// One person, whatever the role.
    User(UserId),
}

impl SharingRule {
    /// Whether the rule admits a member of this role (and this user, when the borrower acts for one).
    #[must_use]
    pub fn admits(&self, role: Role, user: Option<UserId>) -> bool {
        self.0.iter().any(|entry| match entry {
            SharingEntry::AdminsOnly => role >= Role::Admin,
            SharingEntry::AllMembers => role >= Role::Member,
            SharingEntry::User(id) => user == Some(*id),
        })
    }
}

impl fmt::Display for SharingEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminsOnly => f.write_str("admins_only"),
            Self::AllMembers => f.write_str("all_members"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

impl FromStr for SharingEntry {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        let unknown =
            ParseNameError { what: "sharing rule", known: &["all_members", "admins_only", "user:<id>"] };
        match text {
            "admins_only" => Ok(Self::AdminsOnly),
            "all_members" => Ok(Self::AllMembers),
            _ => text.strip_prefix("user:").and_then(|id| id.parse().ok()).map(Self::User).ok_or(unknown),
        }
    }
}

impl Serialize for SharingEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SharingEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
