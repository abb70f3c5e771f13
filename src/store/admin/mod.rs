//! Administrative changes, as values. Each is applied alone, in its own transaction, together with its audit record.
//!
//! A change that can end an entitlement raises the epoch of its row, and the revision of every owner whose holdings it
//! alters, in that transaction: at once effective, whatever the number of leases.

mod connections;
mod grants;
mod minted;
mod patches;
mod preconditions;
mod rows;

pub use connections::LinkChange;
pub use grants::{GrantChange, GrantClaim, LeftGrant, RenewedGrant, UpstreamCall};
pub use minted::MintedChange;
pub use patches::{Acceptance, ClientPatch, CredentialPatch, OrganizationPatch, UserPatch};
pub use preconditions::{LeasesOf, Precondition, Row};
pub use rows::{Checkpoint, Fence, MintedToken, Minter, NewText, StoredSigningKey, WrappedDataKey};

use crate::model::{
    audit::AuditRecord,
    catalog::issuing::IssuerKind,
    client::Client,
    credential::{Credential, CredentialStatus, FieldNames},
    id::{ClientId, CredentialId, DataKeyId, InvitationId, OrganizationId, SigningKeyId, TokenId, UserId},
    instant::Instant,
    invitation::{Invitation, Resending},
    mcp_token::McpTokenPatch,
    organization::{Membership, Organization, OrganizationStatus, Role, SharingRule},
    resource::ResourceUri,
    sealed::Sealed,
    user::User,
};

/// One administrative write and its records.
#[derive(Debug, Clone)]
pub struct AdminChange {
    /// Written with it: one for each operation; none for what the chain itself needs.
    pub records: Vec<AuditRecord>,
    /// What must still be true for it; none for what the broker does by itself.
    pub preconditions: Vec<Precondition>,
    /// What changes.
    pub change: Change,
}

impl AdminChange {
    /// A change that the broker makes by itself.
    #[must_use]
    pub const fn of(change: Change, records: Vec<AuditRecord>) -> Self {
        Self { records, preconditions: Vec::new(), change }
    }
}

/// What changes. Creations answer [`super::StoreError::Conflict`] when a unique key is taken; changes of what is not
/// there answer [`super::StoreError::Missing`].
#[derive(Debug, Clone)]
pub enum Change {
    /// A new user, with its owner row.
    CreateUser(User),
    /// Switches a user on or off; raises its epoch and revision. Off, the leases taken for it end for good.
    SetUserActive(UserId, bool),
    /// Changes a user.
    UpdateUser(UserId, UserPatch),
    /// A new organization, with its owner row.
    CreateOrganization(Organization),
    /// A new organization with its first owner.
    FoundOrganization(Organization, UserId),
    /// Changes an organization that was not deleted.
    UpdateOrganization(OrganizationId, OrganizationPatch),
    /// Deletes an organization: its members, clients, credentials, data keys and invitations go, its row stays under its
    /// id for the audit. Nothing is written for it any more.
    DeleteOrganization(OrganizationId),
    /// A new membership; its invitation is used up. [`super::StoreError::Conflict`] for who is a member.
    AddMembership(Membership),
    /// A new invitation with its secret's digest; takes the place of one that ran out.
    /// [`super::StoreError::Conflict`] while another is kept, and for who is a member.
    CreateInvitation(Invitation, String),
    /// Gives an invitation a new secret and a new time.
    ResendInvitation(Resending),
    /// Takes an invitation back.
    RevokeInvitation(InvitationId),
    /// Makes the membership that was offered; missing when the invitation is not open any more.
    AcceptInvitation(Acceptance),
    /// The same by a new user, with a first token and the digest of its text.
    RegisterInvited(Box<(Acceptance, User, MintedToken)>),
    /// Suspends or reinstates an organization; raises its epoch and revision.
    SetOrganizationStatus(OrganizationId, OrganizationStatus),
    /// Makes a membership, or changes its role; raises its epoch and the user's revision.
    PutMembership(Membership),
    /// Ends a membership; raises its epoch and the user's revision.
    RemoveMembership(OrganizationId, UserId),
    /// A new client with its first secret's digest.
    CreateClient(Client, String),
    /// Switches a client on or off; raises its epoch. Off, its leases end for good.
    SetClientActive(ClientId, bool),
    /// Changes the role of an organization's client; raises its epoch and the organization's revision.
    SetClientRole(ClientId, Role),
    /// Adds a secret; the others run out, those that ran out and the oldest of too many go.
    RotateClientSecret {
        /// Which.
        id: ClientId,
        /// Of the new secret.
        digest: String,
        /// When it was made.
        at: Instant,
        /// When the others run out, unless they do earlier.
        until: Instant,
    },
    /// Changes a client.
    UpdateClient(ClientId, ClientPatch),
    /// Deletes a client with its secrets; its tokens and leases no longer hold.
    DeleteClient(ClientId),
    /// Registers a resource server's URI (RFC 8707).
    CreateResource(ResourceUri, Instant),
    /// Forgets a resource server.
    DeleteResource(ResourceUri),
    /// A new MCP token.
    CreateMcpToken(Box<MintedToken>),
    /// Switches an MCP token on or off; raises its epoch. Off, its leases end for good.
    SetTokenActive(TokenId, bool),
    /// Changes an MCP token.
    UpdateMcpToken(TokenId, McpTokenPatch),
    /// Replaces an MCP token's text; raises its epoch. The one before is good for a while, older ones no longer.
    RotateMcpToken(NewText),
    /// Revokes an MCP token, and whatever was minted with it, at the instant given; their leases end for good. Answers
    /// how many tokens it ended.
    RevokeMcpToken(TokenId, Instant),
    /// Records uses: token, count, last use, last address.
    RecordUsage(Vec<(TokenId, i64, Instant, Option<String>)>),
    /// A new credential; the owner's first of its service is primary. Raises the owner's revision.
    CreateCredential(Credential),
    /// A new value: sealed for exactly this version, which must be the present one plus one. Raises epoch and revision.
    RotateCredential {
        /// Which.
        id: CredentialId,
        /// The version it was sealed for.
        version: i64,
        /// The value.
        sealed: Sealed,
        /// When it runs out.
        expires_at: Option<Instant>,
        /// Which fields it has.
        fields: FieldNames,
        /// How what is lent of it comes about.
        issuer: IssuerKind,
        /// When it was deposited, or made.
        at: Instant,
    },
    /// Whether it can be borrowed, as the service has it, and why not; one that its owner switched off stays so. Raises
    /// epoch and revision.
    SetCredentialCondition(CredentialId, CredentialStatus, Option<String>),
    /// The account that a connection reached, as the service names it.
    SetCredentialIdentity(CredentialId, String),
    /// Something happens to what makes a credential's tokens.
    Grant(GrantChange),
    /// A step of a token that was made for one lease.
    Minted(MintedChange),
    /// A step of a link by which a person connects an account.
    Link(LinkChange),
    /// Several changes, in order, in this one transaction. Touches what all of them touch.
    All(Vec<Self>),
    /// Changes a credential.
    UpdateCredential(CredentialId, CredentialPatch),
    /// Switches a credential on or off; raises epoch and revision.
    SetCredentialStatus(CredentialId, CredentialStatus),
    /// Changes who may borrow it; raises epoch and revision.
    SetCredentialSharing(CredentialId, SharingRule),
    /// Deletes a credential; leases that rest on it lose it at once. Raises the owner's revision.
    DeleteCredential(CredentialId),
    /// A data key, wrapped. A race's loser gets [`super::StoreError::Conflict`] and reads the winner's.
    CreateDataKey(WrappedDataKey),
    /// Replaces the wrapping of a data key (same key, another root key), if it is still wrapped as `from` says.
    RewrapDataKey {
        /// Which.
        id: DataKeyId,
        /// As it was read.
        from: Sealed,
        /// As it shall be.
        to: Sealed,
    },
    /// Replaces a credential's envelope without a new version (same value, another data key), if it is still `from`.
    ResealCredential {
        /// Which.
        id: CredentialId,
        /// As it was read.
        from: Sealed,
        /// As it shall be.
        to: Sealed,
    },
    /// A signing key, its private part sealed under the system owner's data key.
    CreateSigningKey(StoredSigningKey),
    /// Replaces a signing key's envelope, if it is still `from`.
    ResealSigningKey {
        /// Which.
        id: SigningKeyId,
        /// As it was read.
        from: Sealed,
        /// As it shall be.
        to: Sealed,
    },
    /// Stops a signing key from being published after the instant given.
    RetireSigningKey(SigningKeyId, Instant),
    /// Ends a signing key at the instant given, before its time: every token that was read before is read anew.
    WithdrawSigningKey(SigningKeyId, Instant),
    /// Everything that matches and exists when this commits is revoked by it.
    PlaceFence(Fence),
    /// Whatever was lent before is void: the fence, which matches every lease; every client's epoch rises, and every MCP
    /// token is switched off. Answers how many MCP tokens were.
    VoidPast(Fence),
    /// A signed head of the audit chain.
    PutCheckpoint(Checkpoint),
    /// Removes, as of the instant given and at most so many of each kind: access tokens that ran out a day ago,
    /// idempotency keys older than a day, leases that ended and would have run out a week ago, invitations that ran out a
    /// week ago. Answers the largest of these numbers.
    Prune(Instant, u16),
    /// A setting of the database itself, such as `environment`.
    PutSetting(&'static str, String),
    /// Nothing but the records.
    RecordOnly,
}
