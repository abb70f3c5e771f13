//! The database: [`Backend`] over the pools.

use async_trait::async_trait;

use super::{
    Store, connections, credentials, db, grants, invitations, journal, keys, lease_search, leases,
    mcp_tokens, minted, organizations, people, quotas, tokens, tx::Writing,
};
use crate::{
    model::{
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
        mcp_token::{McpToken, McpTokenFilter},
        minted::MintedToken,
        organization::{Member, MemberFilter, MemberStanding, Organization, OrganizationFilter, Role},
        owner::Owner,
        page::{Cursor, ListQuery, Page},
        resolution::Source,
        resource::Resource,
        service::{ServiceName, ServiceRef},
        standing::LeaseFacts,
        token::{Token, TokenFacts},
        user::{User, UserFilter},
    },
    store::{
        admin::{Checkpoint, LeasesOf, StoredSigningKey, WrappedDataKey},
        audit::{AuditPosition, AuditQuery},
        backend::{Backend, FoundClient, LeaseFilter, LeaseQuery, LeaseTally, MintedFilter, TallyQuery, Tx},
        chain::{ChainHead, StoredEntry},
        error::StoreError,
    },
};

impl Store {
    /// A connection that sees one moment until it is dropped.
    async fn snapshot(&self) -> Result<sqlx::Transaction<'static, db::Database>, StoreError> {
        self.readers().begin_with(db::BEGIN_SNAPSHOT).await.map_err(db::classify)
    }

    /// A connection for single statements.
    async fn reader(&self) -> Result<sqlx::pool::PoolConnection<db::Database>, StoreError> {
        self.readers().acquire().await.map_err(db::classify)
    }
}

#[async_trait]
impl Backend for Store {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        let transaction = self.writers().begin_with(db::BEGIN_WRITING).await.map_err(db::classify)?;
        Ok(Box::new(Writing::new(transaction)))
    }

    async fn ping(&self) -> Result<Option<Instant>, StoreError> {
        let micros = journal::ping(&mut *self.reader().await?).await?;
        Ok(micros.map(Instant::from_micros))
    }

    async fn read_uses(
        &self,
        tokens: &[TokenId],
        leases: &[LeaseId],
    ) -> Result<(Vec<TokenFacts>, Vec<LeaseFacts>), StoreError> {
        let mut reader = self.reader().await?;
        let leases = leases::facts(&mut reader, leases).await?;
        let tokens = tokens::facts(&mut reader, tokens).await?;
        Ok((tokens, leases))
    }

    async fn find_mcp_token(&self, digest: &str) -> Result<Option<Token>, StoreError> {
        mcp_tokens::find_by_text(&mut *self.reader().await?, digest).await
    }

    async fn show_mcp_token(&self, id: TokenId) -> Result<Option<McpToken>, StoreError> {
        mcp_tokens::find_one(&mut *self.reader().await?, id).await
    }

    async fn list_mcp_tokens(
        &self,
        query: &ListQuery<McpTokenFilter>,
    ) -> Result<Page<McpToken, Cursor>, StoreError> {
        mcp_tokens::list_some(&mut *self.reader().await?, query).await
    }

    async fn count_mcp_tokens(&self, owner: Owner, now: Instant) -> Result<i64, StoreError> {
        mcp_tokens::count_live(&mut *self.reader().await?, owner, now).await
    }

    async fn find_token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        tokens::find_token(&mut *self.reader().await?, id).await
    }

    async fn find_client(&self, id: ClientId, now: Instant) -> Result<Option<FoundClient>, StoreError> {
        tokens::find_client(&mut *self.reader().await?, id, now).await
    }

    async fn is_resource(&self, uri: &str) -> Result<bool, StoreError> {
        tokens::is_resource(&mut *self.reader().await?, uri).await
    }

    async fn list_clients(
        &self,
        query: &ListQuery<ClientFilter>,
    ) -> Result<Page<Client, Cursor>, StoreError> {
        tokens::list_clients(&mut *self.reader().await?, query).await
    }

    async fn list_secret_ages(
        &self,
        clients: &[ClientId],
        now: Instant,
    ) -> Result<Vec<(ClientId, SecretAge)>, StoreError> {
        tokens::secret_ages(&mut *self.reader().await?, clients, now).await
    }

    async fn list_resources(&self, query: &ListQuery<()>) -> Result<Page<Resource, Cursor>, StoreError> {
        tokens::list_resources(&mut *self.reader().await?, query).await
    }

    async fn list_credentials(
        &self,
        query: &ListQuery<CredentialFilter>,
    ) -> Result<Page<Credential, Cursor>, StoreError> {
        credentials::list_page(&mut *self.reader().await?, query).await
    }

    async fn count_credentials(&self) -> Result<Vec<(String, i64)>, StoreError> {
        credentials::count_by_service(&mut *self.reader().await?).await
    }

    async fn list_holders(&self, id: CredentialId, now: Instant) -> Result<Vec<Holder>, StoreError> {
        credentials::holders(&mut *self.reader().await?, id, now).await
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        people::find_user(&mut *self.reader().await?, id).await
    }

    async fn find_user_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        people::find_user_by_email(&mut *self.reader().await?, email).await
    }

    async fn list_users(&self, query: &ListQuery<UserFilter>) -> Result<Page<User, Cursor>, StoreError> {
        people::list_users(&mut *self.reader().await?, query).await
    }

    async fn find_standing(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<MemberStanding>, StoreError> {
        people::find_standing(&mut *self.reader().await?, organization, user).await
    }

    async fn count_leases(&self, of: LeasesOf, now: Instant) -> Result<i64, StoreError> {
        leases::count(&mut *self.reader().await?, of, now).await
    }

    async fn find_organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        organizations::find(&mut *self.reader().await?, id).await
    }

    async fn list_organizations(
        &self,
        query: &ListQuery<OrganizationFilter>,
    ) -> Result<Page<Organization, Cursor>, StoreError> {
        organizations::list(&mut *self.reader().await?, query).await
    }

    async fn find_member(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Member>, StoreError> {
        organizations::find_member(&mut *self.reader().await?, organization, user).await
    }

    async fn list_members(
        &self,
        query: &ListQuery<MemberFilter>,
    ) -> Result<Page<Member, Cursor>, StoreError> {
        organizations::list_members(&mut *self.reader().await?, query).await
    }

    async fn find_invitation(&self, id: InvitationId) -> Result<Option<InvitationFacts>, StoreError> {
        invitations::find(&mut *self.reader().await?, id).await
    }

    async fn find_invitation_by_digest(&self, digest: &str) -> Result<Option<InvitationFacts>, StoreError> {
        invitations::find_by_digest(&mut *self.reader().await?, digest).await
    }

    async fn list_invitations(
        &self,
        query: &ListQuery<OrganizationId>,
    ) -> Result<Page<InvitationFacts, Cursor>, StoreError> {
        invitations::list(&mut *self.reader().await?, query).await
    }

    async fn list_memberships(
        &self,
        user: UserId,
    ) -> Result<Vec<(OrganizationId, String, Role)>, StoreError> {
        people::memberships(&mut *self.reader().await?, user).await
    }

    async fn load_holdings(&self, subject: Subject) -> Result<Holdings, StoreError> {
        let mut snapshot = self.snapshot().await?;
        credentials::load_holdings(&mut snapshot, subject).await
    }

    async fn load_credentials(
        &self,
        ids: &[CredentialId],
    ) -> Result<Vec<Result<Credential, StoreError>>, StoreError> {
        credentials::load(&mut *self.reader().await?, ids).await
    }

    async fn list_credentials_by_owner(
        &self,
        owner: Owner,
        after: Option<CredentialId>,
        limit: u16,
    ) -> Result<Vec<Credential>, StoreError> {
        credentials::list_to_reseal(&mut *self.reader().await?, owner, after, limit).await
    }

    async fn find_grant(&self, id: CredentialId) -> Result<Option<Grant>, StoreError> {
        grants::find(&mut *self.reader().await?, id).await
    }

    async fn list_due_grants(&self, now: Instant, per_service: u16) -> Result<Vec<Grant>, StoreError> {
        grants::list_due(&mut *self.reader().await?, now, per_service).await
    }

    async fn list_grants_by_owner(
        &self,
        owner: Owner,
        after: Option<CredentialId>,
        limit: u16,
    ) -> Result<Vec<Grant>, StoreError> {
        grants::list_to_reseal(&mut *self.reader().await?, owner, after, limit).await
    }

    async fn find_minted(
        &self,
        lease: LeaseId,
        name: &ServiceRef,
    ) -> Result<Option<MintedToken>, StoreError> {
        minted::find(&mut *self.reader().await?, lease, name).await
    }

    async fn list_due_minted(&self, now: Instant, per_service: u16) -> Result<Vec<MintedToken>, StoreError> {
        minted::list_due(&mut *self.reader().await?, now, per_service).await
    }

    async fn list_minted(
        &self,
        query: &ListQuery<MintedFilter>,
    ) -> Result<Page<MintedToken, Cursor>, StoreError> {
        minted::list(&mut *self.reader().await?, query).await
    }

    async fn find_connect_link(&self, id: ConnectLinkId) -> Result<Option<ConnectLink>, StoreError> {
        connections::find(&mut *self.reader().await?, id).await
    }

    async fn find_connect_link_by_digest(&self, digest: &str) -> Result<Option<ConnectLink>, StoreError> {
        connections::find_by_digest(&mut *self.reader().await?, digest).await
    }

    async fn find_connect_link_by_flow(&self, flow: &str) -> Result<Option<ConnectLink>, StoreError> {
        connections::find_by_flow(&mut *self.reader().await?, flow).await
    }

    async fn find_application(
        &self,
        owner: Owner,
        service: &ServiceName,
    ) -> Result<Option<Application>, StoreError> {
        grants::find_application(&mut *self.reader().await?, owner, service).await
    }

    async fn list_applications(&self, owner: Option<Owner>) -> Result<Vec<Application>, StoreError> {
        grants::list_applications(&mut *self.reader().await?, owner).await
    }

    async fn list_leases(&self, query: &LeaseQuery) -> Result<Page<LeaseFacts, LeaseId>, StoreError> {
        leases::list(&mut *self.reader().await?, query).await
    }

    async fn search_leases(
        &self,
        query: &ListQuery<LeaseFilter>,
    ) -> Result<Page<LeaseFacts, Cursor>, StoreError> {
        // The end of the window is read after the page: both must be of one moment.
        lease_search::find_some(&mut *self.snapshot().await?, query).await
    }

    async fn list_sources(&self, ids: &[LeaseId]) -> Result<Vec<(LeaseId, Source)>, StoreError> {
        leases::sources(&mut *self.reader().await?, ids).await
    }

    async fn tally_leases(&self, query: &TallyQuery) -> Result<Page<LeaseTally, Cursor>, StoreError> {
        lease_search::tally(&mut *self.snapshot().await?, query).await
    }

    async fn list_data_keys(&self, owner: Owner) -> Result<Vec<WrappedDataKey>, StoreError> {
        keys::list(&mut *self.reader().await?, owner).await
    }

    async fn list_all_data_keys(
        &self,
        after: Option<DataKeyId>,
        limit: u16,
    ) -> Result<Vec<WrappedDataKey>, StoreError> {
        keys::list_all(&mut *self.reader().await?, after, limit).await
    }

    async fn list_signing_keys(&self, now: Instant) -> Result<Vec<StoredSigningKey>, StoreError> {
        keys::list_signing(&mut *self.reader().await?, now).await
    }

    async fn count_withdrawals(&self) -> Result<i64, StoreError> {
        journal::counted(&mut *self.reader().await?, "withdrawal").await
    }

    async fn count_live_leases(&self) -> Result<i64, StoreError> {
        quotas::total(&mut *self.reader().await?).await
    }

    async fn find_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        journal::find_setting(&mut *self.reader().await?, name).await
    }

    async fn list_chains(&self) -> Result<Vec<ChainHead>, StoreError> {
        journal::list_heads(&mut *self.reader().await?).await
    }

    async fn list_headless_chains(&self) -> Result<Vec<String>, StoreError> {
        journal::headless(&mut *self.reader().await?).await
    }

    async fn read_chain(&self, chain: &str, after: i64, limit: u16) -> Result<Vec<StoredEntry>, StoreError> {
        journal::read(&mut *self.reader().await?, chain, after, limit).await
    }

    async fn query_audit(&self, query: &AuditQuery) -> Result<Page<StoredEntry, AuditPosition>, StoreError> {
        journal::query_records(&mut *self.reader().await?, query).await
    }

    async fn list_checkpoints(
        &self,
        chain: &str,
        after: i64,
        limit: u16,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        journal::list_checkpoints(&mut *self.reader().await?, chain, after, limit).await
    }

    async fn newest_checkpoints(&self, chains: u16) -> Result<Vec<Checkpoint>, StoreError> {
        journal::newest_checkpoints(&mut *self.reader().await?, chains).await
    }

    async fn settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut writer = self.writers().acquire().await.map_err(db::classify)?;
        journal::server_settings(&mut writer).await
    }

    async fn close(&self) {
        self.shut().await;
    }
}
