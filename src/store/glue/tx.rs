//! The writing transaction: [`Tx`] over one connection.

use async_trait::async_trait;

use super::{
    administer, credentials, db, doubts, invitations, journal, keys, leases, mcp_tokens, organizations,
    people, quotas, run::Connection, tokens,
};
use crate::{
    model::{
        id::{ClientId, LeaseId, OrganizationId, TokenId, UserId},
        instant::Instant,
        lease::Lease,
        organization::Role,
        owner::Owner,
        principal::Principal,
        resolution::{Entitlement, Source},
        standing::LeaseFacts,
        token::{Token, TokenFacts},
    },
    store::{
        admin::{Change, Precondition, Row},
        backend::{NewLease, Tx, UsedKey},
        chain::{ChainHead, Entry},
        error::StoreError,
    },
};

/// A transaction under way; dropped, it is rolled back.
pub(super) struct Writing {
    transaction: sqlx::Transaction<'static, db::Database>,
    judges: bool,
    /// No transaction that judges runs beside this one.
    alone: bool,
}

impl Writing {
    pub(super) const fn new(transaction: sqlx::Transaction<'static, db::Database>) -> Self {
        Self { transaction, judges: false, alone: false }
    }

    /// The connection, to write with.
    fn connection(&mut self) -> &mut Connection {
        &mut self.transaction
    }

    /// The connection, to judge by what it reads: from now to the end of the transaction no decisive change commits, so
    /// that what was read is still true at the commit.
    async fn judging(&mut self) -> Result<&mut Connection, StoreError> {
        if !self.judges && !self.alone {
            db::hold_off_changes(&mut self.transaction).await?;
            self.judges = true;
        }
        Ok(&mut self.transaction)
    }
}

#[async_trait]
impl Tx for Writing {
    async fn token_facts(&mut self, ids: &[TokenId]) -> Result<Vec<TokenFacts>, StoreError> {
        tokens::hold(self.judging().await?, ids).await
    }

    async fn lock_leases(&mut self, ids: &[LeaseId]) -> Result<Vec<LeaseFacts>, StoreError> {
        leases::lock(self.judging().await?, ids).await
    }

    async fn lease_facts(&mut self, ids: &[LeaseId]) -> Result<Vec<LeaseFacts>, StoreError> {
        leases::facts(self.judging().await?, ids).await
    }

    async fn sources(&mut self, ids: &[LeaseId]) -> Result<Vec<(LeaseId, Source)>, StoreError> {
        leases::sources(self.connection(), ids).await
    }

    async fn entitlements(
        &mut self,
        ids: &[LeaseId],
    ) -> Result<Vec<(LeaseId, Source, Entitlement)>, StoreError> {
        leases::entitlements(self.judging().await?, ids).await
    }

    async fn lock_quotas(&mut self, principals: &[Principal]) -> Result<Vec<(Principal, i64)>, StoreError> {
        quotas::lock(self.judging().await?, principals).await
    }

    async fn revisions(&mut self, owners: &[Owner]) -> Result<Vec<(Owner, i64)>, StoreError> {
        people::revisions(self.judging().await?, owners).await
    }

    async fn used_keys(
        &mut self,
        keys: &[(Principal, String)],
        since: Instant,
    ) -> Result<Vec<UsedKey>, StoreError> {
        quotas::used_keys(self.connection(), keys, since).await
    }

    async fn reusable_leases(
        &mut self,
        keys: &[(Principal, String)],
        now: Instant,
    ) -> Result<Vec<(Principal, String, LeaseId)>, StoreError> {
        leases::reusable(self.judging().await?, keys, now).await
    }

    async fn lock_due_leases(&mut self, now: Instant, limit: u16) -> Result<Vec<LeaseFacts>, StoreError> {
        leases::lock_due(self.judging().await?, now, limit).await
    }

    async fn lock_doubtful_leases(
        &mut self,
        now: Instant,
        limit: u16,
    ) -> Result<(Vec<LeaseFacts>, bool), StoreError> {
        doubts::lock_doubtful(self.judging().await?, now, limit).await
    }

    async fn lock_due_leases_of(
        &mut self,
        principals: &[Principal],
        now: Instant,
    ) -> Result<Vec<LeaseFacts>, StoreError> {
        leases::lock_due_of(self.judging().await?, principals, now).await
    }

    async fn insert_leases(&mut self, leases: &[NewLease]) -> Result<(), StoreError> {
        leases::insert(self.judging().await?, leases).await
    }

    async fn update_leases(&mut self, leases: &[Lease]) -> Result<(), StoreError> {
        leases::update(self.connection(), leases).await
    }

    async fn update_sources(&mut self, sources: &[(LeaseId, Source)]) -> Result<(), StoreError> {
        leases::update_sources(self.connection(), sources).await
    }

    async fn move_quotas(&mut self, deltas: &[(Principal, i64)]) -> Result<(), StoreError> {
        quotas::shift(self.connection(), deltas).await
    }

    async fn insert_keys(&mut self, keys: &[UsedKey], now: Instant) -> Result<(), StoreError> {
        quotas::insert_keys(self.connection(), keys, now).await
    }

    async fn insert_access_tokens(&mut self, tokens: &[(Token, String)]) -> Result<Vec<TokenId>, StoreError> {
        tokens::insert_access(self.judging().await?, tokens).await
    }

    async fn revoke_tokens(
        &mut self,
        tokens: &[(TokenId, ClientId)],
        at: Instant,
    ) -> Result<Vec<TokenId>, StoreError> {
        tokens::revoke(self.connection(), tokens, at).await
    }

    async fn count_uses(&mut self, uses: &[(TokenId, i64)], at: Instant) -> Result<(), StoreError> {
        tokens::count_uses(self.connection(), uses, at).await
    }

    async fn prepare(&mut self, change: &Change) -> Result<(), StoreError> {
        if administer::is_decisive(change) && !self.alone {
            db::wait_for_judges(self.connection()).await?;
            self.alone = true;
        }
        Ok(())
    }

    async fn is_met(&mut self, precondition: &Precondition) -> Result<bool, StoreError> {
        let connection = self.judging().await?;
        match precondition {
            Precondition::Stands(_) => Ok(true),
            Precondition::FewerTokens(owner, most, now) => {
                Ok(mcp_tokens::count_live(connection, *owner, *now).await? < *most)
            }
            Precondition::AnotherKeySigns(id, now) => keys::another_signs(connection, *id, *now).await,
            Precondition::Membership(organization, user, epoch) => {
                people::has_epoch(connection, *organization, *user, *epoch).await
            }
            Precondition::Revision(Row::Invitation(id), revision) => {
                invitations::has_revision(connection, *id, *revision).await
            }
            Precondition::Revision(Row::Membership(organization, user), revision) => {
                organizations::member_has_revision(connection, *organization, *user, *revision).await
            }
            Precondition::Revision(Row::Organization(id), revision) => {
                organizations::has_revision(connection, *id, *revision).await
            }
            Precondition::Revision(Row::Client(id), revision) => {
                tokens::client_has_revision(connection, *id, *revision).await
            }
            Precondition::Revision(Row::Credential(id), revision) => {
                credentials::has_revision(connection, *id, *revision).await
            }
            Precondition::Revision(Row::Token(id), revision) => {
                mcp_tokens::has_revision(connection, *id, *revision).await
            }
            Precondition::Revision(Row::User(id), revision) => {
                people::user_has_revision(connection, *id, *revision).await
            }
        }
    }

    async fn administer(&mut self, change: &Change) -> Result<u64, StoreError> {
        self.prepare(change).await?;
        administer::apply(self.connection(), change).await
    }

    async fn find_role(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Role>, StoreError> {
        people::find_role(self.connection(), organization, user).await
    }

    async fn append_audit(&mut self, from: &ChainHead, entries: &[Entry]) -> Result<(), StoreError> {
        journal::append(self.connection(), from, entries).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(db::classify)
    }

    async fn lock_chain(&mut self, chain: &str) -> Result<Option<ChainHead>, StoreError> {
        journal::lock_head(self.connection(), chain).await
    }
}
