//! What to change of a row: each field that is given.

use crate::model::{
    credential::CredentialStatus,
    id::{InvitationId, UserId},
    instant::Instant,
    organization::{OrganizationStatus, Role, SharingRule},
    scope::ScopeSet,
};

/// What to change of a user; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// The e-mail address.
    pub email: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// Whether it is switched on; as [`super::Change::SetUserActive`].
    pub active: Option<bool>,
}

/// What to change of an organization; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct OrganizationPatch {
    /// The name.
    pub name: Option<String>,
    /// Whether it is active; as [`super::Change::SetOrganizationStatus`].
    pub status: Option<OrganizationStatus>,
}

/// An invitation that somebody accepts.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// Which.
    pub id: InvitationId,
    /// As it was read.
    pub revision: i64,
    /// Who is a member then.
    pub user_id: UserId,
    /// When: it must be open then.
    pub at: Instant,
}

/// What to change of a client; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct ClientPatch {
    /// The name.
    pub name: Option<String>,
    /// The most its tokens may carry; tokens issued before are refused.
    pub scopes: Option<ScopeSet>,
    /// Its role in its organization; as [`super::Change::SetClientRole`].
    pub role: Option<Role>,
    /// Whether it is switched on; as [`super::Change::SetClientActive`].
    pub active: Option<bool>,
}

/// What to change of a credential; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct CredentialPatch {
    /// Who may borrow it; as [`super::Change::SetCredentialSharing`].
    pub sharing: Option<SharingRule>,
    /// Whether it is switched on; as [`super::Change::SetCredentialStatus`].
    pub status: Option<CredentialStatus>,
    /// Whether it becomes what the bare service name means; another one ceases to.
    pub becomes_primary: bool,
}
