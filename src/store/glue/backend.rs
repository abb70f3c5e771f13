//! The database: [`Backend`] over the pools.

use async_trait::async_trait;

use super::{Store, credentials, db, journal, keys, leases, people, quotas, tokens, tx::Writing};
use crate::{
    model::{
        client::Client,
        credential::Credential,
        holdings::{Holdings, Subject},
        id::{ClientId, CredentialId, DataKeyId, LeaseId, OrganizationId, TokenId, UserId},
        instant::Instant,
        organization::Role,
        owner::Owner,
        page::Page,
        standing::LeaseFacts,
        token::{Token, TokenFacts},
        user::User,
    },
    store::{
        admin::{Checkpoint, StoredSigningKey, WrappedDataKey},
        backend::{Backend, LeaseQuery, SecretDigest, Tx},
        chain::ChainHead,
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
        if leases.is_empty() {
            return Ok((tokens::facts(&mut *self.reader().await?, tokens).await?, Vec::new()));
        }
        let mut snapshot = self.snapshot().await?;
        let tokens = tokens::facts(&mut snapshot, tokens).await?;
        let leases = leases::facts(&mut snapshot, leases).await?;
        Ok((tokens, leases))
    }

    async fn find_mcp_token(&self, digest: &str) -> Result<Option<Token>, StoreError> {
        tokens::find_mcp(&mut *self.reader().await?, digest).await
    }

    async fn find_token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        tokens::find_token(&mut *self.reader().await?, id).await
    }

    async fn find_client(
        &self,
        id: ClientId,
        now: Instant,
    ) -> Result<Option<(Client, Vec<SecretDigest>)>, StoreError> {
        tokens::find_client(&mut *self.reader().await?, id, now).await
    }

    async fn is_resource(&self, uri: &str) -> Result<bool, StoreError> {
        tokens::is_resource(&mut *self.reader().await?, uri).await
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        people::find_user(&mut *self.reader().await?, id).await
    }

    async fn find_user_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        people::find_user_by_email(&mut *self.reader().await?, email).await
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

    async fn list_leases(&self, query: &LeaseQuery) -> Result<Page<LeaseFacts, LeaseId>, StoreError> {
        leases::list(&mut *self.reader().await?, query).await
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

    async fn count_live_leases(&self) -> Result<i64, StoreError> {
        quotas::total(&mut *self.reader().await?).await
    }

    async fn find_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        journal::find_setting(&mut *self.reader().await?, name).await
    }

    async fn list_chains(&self) -> Result<Vec<ChainHead>, StoreError> {
        journal::list_heads(&mut *self.reader().await?).await
    }

    async fn read_chain(
        &self,
        chain: &str,
        after: i64,
        limit: u16,
    ) -> Result<Vec<(i64, String, String)>, StoreError> {
        journal::read(&mut *self.reader().await?, chain, after, limit).await
    }

    async fn find_checkpoint(&self, chain: &str) -> Result<Option<Checkpoint>, StoreError> {
        journal::find_checkpoint(&mut *self.reader().await?, chain).await
    }

    async fn close(&self) {
        self.shut().await;
    }
}
