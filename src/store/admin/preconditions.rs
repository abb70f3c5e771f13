//! What a change relies on, and whose leases it may end.

use crate::{
    model::{
        id::{ClientId, CredentialId, InvitationId, OrganizationId, SigningKeyId, TokenId, UserId},
        instant::Instant,
        organization::Role,
        owner::Owner,
    },
    store::mutation::Bearer,
};

/// What must still be true in the transaction of an administrative write that a caller asked for.
#[derive(Debug, Clone)]
pub enum Precondition {
    /// The token that was shown stands.
    Stands(Bearer),
    /// The membership that gives the caller authority is as it was read: organization, user, epoch.
    Membership(OrganizationId, UserId, i64),
    /// The row was not changed since the caller read it.
    Revision(Row, i64),
    /// The owner has fewer good MCP tokens than this, at this moment.
    FewerTokens(Owner, i64, Instant),
    /// Another signing key than this one signs at this moment, and goes on.
    AnotherKeySigns(SigningKeyId, Instant),
}

/// A row that carries a revision.
#[derive(Debug, Clone)]
pub enum Row {
    /// A client.
    Client(ClientId),
    /// A credential.
    Credential(CredentialId),
    /// An invitation.
    Invitation(InvitationId),
    /// A membership.
    Membership(OrganizationId, UserId),
    /// An organization.
    Organization(OrganizationId),
    /// An MCP token.
    Token(TokenId),
    /// A user.
    User(UserId),
}

/// Whose live leases to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeasesOf {
    /// Taken by this client.
    Client(ClientId),
    /// Resting on this credential.
    Credential(CredentialId),
    /// Taken for this user and resting on this organization's credentials.
    Membership(OrganizationId, UserId),
    /// Of [`LeasesOf::Membership`], those that this role would not carry.
    MembershipBeyond(OrganizationId, UserId, Role),
    /// Resting on this organization's credentials, or taken for it.
    Organization(OrganizationId),
    /// Taken with this token, or one that was minted with it.
    Token(TokenId),
    /// Taken for this user.
    User(UserId),
}
