//! The port: what a database must be able to do. [`super::sqlite`] and [`super::postgres`] answer it.
//!
//! Everything takes sets: the committer never writes row by row. Nothing here decides anything; the rules are in the
//! model, and [`super::committer`] applies them to the facts that a [`Tx`] loads.

use async_trait::async_trait;

use crate::model::{
    application::Application,
    client::{Client, ClientFilter, SecretAge},
    connection::ConnectLink,
    credential::{Credential, CredentialFilter, Holder},
    grant::Grant,
    holdings::{Holdings, Subject},
    id::{
        ClientId, ConnectLinkId, CredentialId, DataKeyId, InvitationId, LeaseId, OrganizationId, TokenId,
        UserId,
    },
    instant::Instant,
    invitation::InvitationFacts,
    lease::Lease,
    mcp_token::{McpToken, McpTokenFilter},
    minted::MintedToken,
    organization::{Member, MemberFilter, MemberStanding, Organization, OrganizationFilter, Role},
    owner::Owner,
    page::{Cursor, ListQuery, Page},
    principal::Principal,
    resolution::{Entitlement, Source},
    resource::Resource,
    service::{ServiceName, ServiceRef},
    standing::LeaseFacts,
    token::{Token, TokenFacts},
    user::{User, UserFilter},
};

pub use super::queries::{
    FoundClient, LeaseFilter, LeaseQuery, LeaseTally, MintedFilter, NewLease, SecretDigest, TallyQuery,
    UsedKey,
};

use super::{
    admin::{Change, Checkpoint, LeasesOf, Precondition, StoredSigningKey, WrappedDataKey},
    audit::{AuditPosition, AuditQuery},
    chain::{ChainHead, Entry, StoredEntry},
    error::StoreError,
};

/// A database. Reads see what is committed; writes go through [`Tx`].
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Begins the one kind of writing transaction. On SQLite there is one at a time.
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError>;
    /// Whether the database answers, and its own idea of the time, where it has one apart from this machine's.
    async fn ping(&self) -> Result<Option<Instant>, StoreError>;
    /// Facts of many leases, then of many tokens: each as of a moment between the question and the answer. No
    /// transaction: it would cost as much as the statements. What does not exist is left out.
    async fn read_uses(
        &self,
        tokens: &[TokenId],
        leases: &[LeaseId],
    ) -> Result<(Vec<TokenFacts>, Vec<LeaseFacts>), StoreError>;
    /// The MCP token of a digest.
    async fn find_mcp_token(&self, digest: &str) -> Result<Option<Token>, StoreError>;
    /// An MCP token with all that is told of it.
    async fn show_mcp_token(&self, id: TokenId) -> Result<Option<McpToken>, StoreError>;
    /// A page of MCP tokens.
    async fn list_mcp_tokens(
        &self,
        query: &ListQuery<McpTokenFilter>,
    ) -> Result<Page<McpToken, Cursor>, StoreError>;
    /// How many MCP tokens of an owner are good at `now`.
    async fn count_mcp_tokens(&self, owner: Owner, now: Instant) -> Result<i64, StoreError>;
    /// A token of either kind.
    async fn find_token(&self, id: TokenId) -> Result<Option<Token>, StoreError>;
    /// A client, and the digests of its secrets that are good at `now`, each with the instant it runs out.
    async fn find_client(&self, id: ClientId, now: Instant) -> Result<Option<FoundClient>, StoreError>;
    /// Whether the URI is a registered resource server.
    async fn is_resource(&self, uri: &str) -> Result<bool, StoreError>;
    /// A page of clients.
    async fn list_clients(&self, query: &ListQuery<ClientFilter>)
    -> Result<Page<Client, Cursor>, StoreError>;
    /// The secrets of clients that are good at `now`: the present one first, then newest first.
    async fn list_secret_ages(
        &self,
        clients: &[ClientId],
        now: Instant,
    ) -> Result<Vec<(ClientId, SecretAge)>, StoreError>;
    /// A page of resource servers, by URI.
    async fn list_resources(&self, query: &ListQuery<()>) -> Result<Page<Resource, Cursor>, StoreError>;
    /// A page of credentials.
    async fn list_credentials(
        &self,
        query: &ListQuery<CredentialFilter>,
    ) -> Result<Page<Credential, Cursor>, StoreError>;
    /// How many credentials of each service there are.
    async fn count_credentials(&self) -> Result<Vec<(String, i64)>, StoreError>;
    /// Who holds live leases on a credential at `now`.
    async fn list_holders(&self, id: CredentialId, now: Instant) -> Result<Vec<Holder>, StoreError>;
    /// A user.
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// A user by e-mail address.
    async fn find_user_by_email(&self, email: &str) -> Result<Option<User>, StoreError>;
    /// A page of users.
    async fn list_users(&self, query: &ListQuery<UserFilter>) -> Result<Page<User, Cursor>, StoreError>;
    /// What a person may do in an organization; none for who is no member.
    async fn find_standing(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<MemberStanding>, StoreError>;
    /// How many leases are live at `now`.
    async fn count_leases(&self, of: LeasesOf, now: Instant) -> Result<i64, StoreError>;
    /// An organization, one that was deleted included.
    async fn find_organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;
    /// Organizations, page by page.
    async fn list_organizations(
        &self,
        query: &ListQuery<OrganizationFilter>,
    ) -> Result<Page<Organization, Cursor>, StoreError>;
    /// A membership with its names.
    async fn find_member(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Member>, StoreError>;
    /// Memberships, page by page.
    async fn list_members(&self, query: &ListQuery<MemberFilter>)
    -> Result<Page<Member, Cursor>, StoreError>;
    /// An invitation.
    async fn find_invitation(&self, id: InvitationId) -> Result<Option<InvitationFacts>, StoreError>;
    /// The invitation whose secret has this digest.
    async fn find_invitation_by_digest(&self, digest: &str) -> Result<Option<InvitationFacts>, StoreError>;
    /// An organization's invitations, page by page.
    async fn list_invitations(
        &self,
        query: &ListQuery<OrganizationId>,
    ) -> Result<Page<InvitationFacts, Cursor>, StoreError>;
    /// A user's organizations, oldest membership first: id, name, role.
    async fn list_memberships(&self, user: UserId)
    -> Result<Vec<(OrganizationId, String, Role)>, StoreError>;
    /// Everything a subject could borrow from, read in one transaction with the revisions.
    async fn load_holdings(&self, subject: Subject) -> Result<Holdings, StoreError>;
    /// Credentials by id. A corrupt one is an error of that one alone.
    async fn load_credentials(
        &self,
        ids: &[CredentialId],
    ) -> Result<Vec<Result<Credential, StoreError>>, StoreError>;
    /// Credentials sealed by a data key other than the owner's newest, after a position; for resealing.
    async fn list_credentials_by_owner(
        &self,
        owner: Owner,
        after: Option<CredentialId>,
        limit: u16,
    ) -> Result<Vec<Credential>, StoreError>;
    /// What makes a credential's tokens, if the broker does.
    async fn find_grant(&self, id: CredentialId) -> Result<Option<Grant>, StoreError>;
    /// Grants that a chore should look at by `now`, the longest due first, at most so many of each service; those that
    /// somebody refreshes are left out.
    async fn list_due_grants(&self, now: Instant, per_service: u16) -> Result<Vec<Grant>, StoreError>;
    /// Grants sealed by a data key other than the owner's newest, after a position; for resealing.
    async fn list_grants_by_owner(
        &self,
        owner: Owner,
        after: Option<CredentialId>,
        limit: u16,
    ) -> Result<Vec<Grant>, StoreError>;
    /// The newest token that was made for a lease and one of its services, as it was asked for.
    async fn find_minted(&self, lease: LeaseId, name: &ServiceRef)
    -> Result<Option<MintedToken>, StoreError>;
    /// Tokens to withdraw by `now`, the longest due first, at most so many of each service.
    async fn list_due_minted(&self, now: Instant, per_service: u16) -> Result<Vec<MintedToken>, StoreError>;
    /// Tokens that wait to be withdrawn, or cannot be, by creation.
    async fn list_minted(
        &self,
        query: &ListQuery<MintedFilter>,
    ) -> Result<Page<MintedToken, Cursor>, StoreError>;
    /// A link by which a person connects an account.
    async fn find_connect_link(&self, id: ConnectLinkId) -> Result<Option<ConnectLink>, StoreError>;
    /// The link whose handle has this digest.
    async fn find_connect_link_by_digest(&self, digest: &str) -> Result<Option<ConnectLink>, StoreError>;
    /// The link that a browser was sent to a service by, with a state of this digest.
    async fn find_connect_link_by_flow(&self, flow: &str) -> Result<Option<ConnectLink>, StoreError>;
    /// An owner's application for a service.
    async fn find_application(
        &self,
        owner: Owner,
        service: &ServiceName,
    ) -> Result<Option<Application>, StoreError>;
    /// Applications of one owner, or of everybody, by service.
    async fn list_applications(&self, owner: Option<Owner>) -> Result<Vec<Application>, StoreError>;
    /// Own leases, newest first.
    async fn list_leases(&self, query: &LeaseQuery) -> Result<Page<LeaseFacts, LeaseId>, StoreError>;
    /// Leases of everybody that a filter lets through, by creation. A page may hold fewer than asked for, and none, while
    /// more follow: the work for one page is bounded.
    async fn search_leases(
        &self,
        query: &ListQuery<LeaseFilter>,
    ) -> Result<Page<LeaseFacts, Cursor>, StoreError>;
    /// What leases rest on, in the order of their services.
    async fn list_sources(&self, ids: &[LeaseId]) -> Result<Vec<(LeaseId, Source)>, StoreError>;
    /// Live leases, counted by principal and service, in that order.
    async fn tally_leases(&self, query: &TallyQuery) -> Result<Page<LeaseTally, Cursor>, StoreError>;
    /// An owner's data keys, newest first.
    async fn list_data_keys(&self, owner: Owner) -> Result<Vec<WrappedDataKey>, StoreError>;
    /// Every data key, after a position; for rewrapping.
    async fn list_all_data_keys(
        &self,
        after: Option<DataKeyId>,
        limit: u16,
    ) -> Result<Vec<WrappedDataKey>, StoreError>;
    /// Every signing key that is still published at `now`, oldest first.
    async fn list_signing_keys(&self, now: Instant) -> Result<Vec<StoredSigningKey>, StoreError>;
    /// How many signing keys were withdrawn before their time.
    async fn count_withdrawals(&self) -> Result<i64, StoreError>;
    /// Live leases, from the counters.
    async fn count_live_leases(&self) -> Result<i64, StoreError>;
    /// A setting of the database itself, such as `environment`.
    async fn find_setting(&self, name: &str) -> Result<Option<String>, StoreError>;
    /// Every chain's head.
    async fn list_chains(&self) -> Result<Vec<ChainHead>, StoreError>;
    /// Chains that have records or checkpoints and yet no head, by id.
    async fn list_headless_chains(&self) -> Result<Vec<String>, StoreError>;
    /// A chain's records after a position, in order.
    async fn read_chain(&self, chain: &str, after: i64, limit: u16) -> Result<Vec<StoredEntry>, StoreError>;
    /// Records of all chains. Without a target a bounded stretch of time is looked at: a page may hold less than asked
    /// for, even nothing, and yet say where the next begins.
    async fn query_audit(&self, query: &AuditQuery) -> Result<Page<StoredEntry, AuditPosition>, StoreError>;
    /// A chain's checkpoints after a position, in order.
    async fn list_checkpoints(
        &self,
        chain: &str,
        after: i64,
        limit: u16,
    ) -> Result<Vec<Checkpoint>, StoreError>;
    /// The newest checkpoint of each of the chains that began last, the youngest chain first.
    async fn newest_checkpoints(&self, chains: u16) -> Result<Vec<Checkpoint>, StoreError>;
    /// How the database is set up, as it names its settings: what bears on durability and on room for connections.
    async fn settings(&self) -> Result<Vec<(String, String)>, StoreError>;
    /// Waits until nothing is under way and closes every connection.
    async fn close(&self);
}

/// A writing transaction. Dropped without [`Tx::commit`], it never happened.
///
/// `lock_…` methods lock the rows until the end, in sorted order; call leases before quotas.
#[async_trait]
pub trait Tx: Send {
    /// Facts of tokens. What does not exist is left out.
    async fn token_facts(&mut self, ids: &[TokenId]) -> Result<Vec<TokenFacts>, StoreError>;
    /// Facts of leases, locked.
    async fn lock_leases(&mut self, ids: &[LeaseId]) -> Result<Vec<LeaseFacts>, StoreError>;
    /// Facts of leases, not locked.
    async fn lease_facts(&mut self, ids: &[LeaseId]) -> Result<Vec<LeaseFacts>, StoreError>;
    /// What leases rest on, in the order of their services.
    async fn sources(&mut self, ids: &[LeaseId]) -> Result<Vec<(LeaseId, Source)>, StoreError>;
    /// What leases rest on, with the present facts of each source.
    async fn entitlements(
        &mut self,
        ids: &[LeaseId],
    ) -> Result<Vec<(LeaseId, Source, Entitlement)>, StoreError>;
    /// Live-lease counters, made when missing, locked.
    async fn lock_quotas(&mut self, principals: &[Principal]) -> Result<Vec<(Principal, i64)>, StoreError>;
    /// Owners' revisions.
    async fn revisions(&mut self, owners: &[Owner]) -> Result<Vec<(Owner, i64)>, StoreError>;
    /// Idempotency keys used since `since`.
    async fn used_keys(
        &mut self,
        keys: &[(Principal, String)],
        since: Instant,
    ) -> Result<Vec<UsedKey>, StoreError>;
    /// Active, unexpired leases of a principal and reuse key, newest first: a few of each.
    async fn reusable_leases(
        &mut self,
        keys: &[(Principal, String)],
        now: Instant,
    ) -> Result<Vec<(Principal, String, LeaseId)>, StoreError>;
    /// Active leases that ran out before `now`: at most `limit`, an equal share for each owner.
    async fn lock_due_leases(&mut self, now: Instant, limit: u16) -> Result<Vec<LeaseFacts>, StoreError>;
    /// Active leases of these principals that ran out before `now`, locked.
    async fn lock_due_leases_of(
        &mut self,
        principals: &[Principal],
        now: Instant,
    ) -> Result<Vec<LeaseFacts>, StoreError>;
    /// Active, unexpired leases whose holder, fence or epochs say that they may not hold, locked: at most `limit`, an
    /// equal share for each change that raised the doubt; and whether there was any doubt to work on.
    async fn lock_doubtful_leases(
        &mut self,
        now: Instant,
        limit: u16,
    ) -> Result<(Vec<LeaseFacts>, bool), StoreError>;

    /// Inserts leases, their sources, and the newest fence that each is younger than.
    async fn insert_leases(&mut self, leases: &[NewLease]) -> Result<(), StoreError>;
    /// Writes what can change of a lease: expiry, renewals, state.
    async fn update_leases(&mut self, leases: &[Lease]) -> Result<(), StoreError>;
    /// Writes versions and epochs of sources.
    async fn update_sources(&mut self, sources: &[(LeaseId, Source)]) -> Result<(), StoreError>;
    /// Moves live-lease counters of locked principals; never below zero.
    async fn move_quotas(&mut self, deltas: &[(Principal, i64)]) -> Result<(), StoreError>;
    /// Inserts idempotency keys; one that ran out is replaced.
    async fn insert_keys(&mut self, keys: &[UsedKey], now: Instant) -> Result<(), StoreError>;
    /// Inserts access tokens whose client is active and of the token's epoch, and has the secret of this digest, good when
    /// the token was issued; answers which went in.
    async fn insert_access_tokens(&mut self, tokens: &[(Token, String)]) -> Result<Vec<TokenId>, StoreError>;
    /// Revokes tokens of their clients; answers which were live before.
    async fn revoke_tokens(
        &mut self,
        tokens: &[(TokenId, ClientId)],
        at: Instant,
    ) -> Result<Vec<TokenId>, StoreError>;
    /// Counts uses of tokens with a limit.
    async fn count_uses(&mut self, uses: &[(TokenId, i64)], at: Instant) -> Result<(), StoreError>;
    /// Obtains what the change needs before anything is read for it: a change that can end an entitlement waits for the
    /// transactions that judge.
    async fn prepare(&mut self, change: &Change) -> Result<(), StoreError>;
    /// Whether a row or membership is as the precondition says; what is said of a token is judged elsewhere.
    async fn is_met(&mut self, precondition: &Precondition) -> Result<bool, StoreError>;
    /// Applies an administrative change; answers how many rows it touched.
    async fn administer(&mut self, change: &Change) -> Result<u64, StoreError>;
    /// The role of a member; none for who is no member.
    async fn find_role(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Role>, StoreError>;
    /// Appends to a chain and moves its head from `from` to the last entry's; fails when the head is not at `from`.
    async fn append_audit(&mut self, from: &ChainHead, entries: &[Entry]) -> Result<(), StoreError>;
    /// Makes it durable. After an error the outcome is unknown until [`Tx::lock_chain`] on another transaction tells.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
    /// A chain's head, locked: waits for a commit under way.
    async fn lock_chain(&mut self, chain: &str) -> Result<Option<ChainHead>, StoreError>;
}
