//! Floor 3: rows, durable.
//!
//! Owns what is written and how: the port that a database answers ([`backend`]), the two back ends, the committer that
//! turns many writes into few transactions, and the audit chain. It moves sealed values and must not know the keyring:
//! plaintext cannot get here. It decides nothing of its own: rules come from the model.

pub mod admin;
pub mod audit;
pub mod backend;
pub mod chain;
pub mod committer;
#[cfg(test)]
mod conformance;
mod error;
mod migrate;
pub mod mutation;
pub mod postgres;
mod queries;
mod reads;
mod rows;
mod sql;
pub mod sqlite;

use std::sync::Arc;

use tokio::sync::watch;

use crate::model::{
    audit::AuditRecord,
    id::{LeaseId, TokenId},
    standing::LeaseFacts,
    token::TokenFacts,
};

use admin::{AdminChange, Checkpoint};
use backend::Backend;
use chain::ChainHead;
use committer::{Committer, Reply};
use mutation::{
    CheckLease, CreateLease, CreatedLease, ExpireLeases, IssueToken, Mutation, Outcome, ReadCredentials,
    ReadableLease, RecheckLeases, Refusal, RenewLease, RenewedLease, RevokeLease, RevokeToken, RevokedLease,
    Sweep, UseToken,
};

pub use error::{Cause, StoreError};
pub use reads::{Reader, UseReads};

/// What the floors above see: typed writes through the committer, batched reads of uses, and plain reads.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    committer: Committer,
    uses: UseReads,
}

/// A write that reached the database: done, or refused by a rule.
pub type Written<T> = Result<Result<T, Refusal>, StoreError>;

impl Store {
    /// A store on a back end, its committer and its batched reads.
    #[must_use]
    pub const fn new(backend: Arc<dyn Backend>, committer: Committer, uses: UseReads) -> Self {
        Self { backend, committer, uses }
    }

    /// Plain reads.
    #[must_use]
    pub fn rows(&self) -> &dyn Backend {
        &*self.backend
    }

    /// The same, for what outlives this call.
    #[must_use]
    pub fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }

    /// Mutations waiting for the committer.
    #[must_use]
    pub fn queue_depth(&self) -> usize {
        self.committer.depth()
    }

    /// What the database says of a token, and of a lease, at this moment.
    ///
    /// # Errors
    /// What the database said.
    pub async fn facts(
        &self,
        token: TokenId,
        lease: Option<LeaseId>,
    ) -> Result<(Option<TokenFacts>, Option<LeaseFacts>), StoreError> {
        self.uses.facts(token, lease).await
    }

    /// Takes a lease, or finds the one that answers the request.
    ///
    /// # Errors
    /// The outer one when nothing was decided.
    pub async fn create_lease(&self, create: CreateLease) -> Written<CreatedLease> {
        expect(
            self.committer.submit(Mutation::CreateLease(Box::new(create))).await,
            |outcome| match outcome {
                Outcome::Created(created) => Some(*created),
                _ => None,
            },
        )
    }

    /// Renews a lease.
    ///
    /// # Errors
    /// The outer one when nothing was decided.
    pub async fn renew_lease(&self, renew: RenewLease) -> Written<RenewedLease> {
        expect(self.committer.submit(Mutation::RenewLease(renew)).await, |outcome| match outcome {
            Outcome::Renewed(renewed) => Some(*renewed),
            _ => None,
        })
    }

    /// Checks a lease for handing out its values again, and records that.
    ///
    /// # Errors
    /// The outer one when nothing was decided.
    pub async fn read_credentials(&self, read: ReadCredentials) -> Written<ReadableLease> {
        expect(self.committer.submit(Mutation::ReadCredentials(read)).await, |outcome| match outcome {
            Outcome::Readable(readable) => Some(*readable),
            _ => None,
        })
    }

    /// Re-checks the entitlement of one lease.
    ///
    /// # Errors
    /// The outer one when nothing was decided.
    pub async fn check_lease(&self, check: CheckLease) -> Written<LeaseFacts> {
        expect(self.committer.submit(Mutation::CheckLease(check)).await, |outcome| match outcome {
            Outcome::Checked(facts) => Some(*facts),
            _ => None,
        })
    }

    /// Takes a lease back.
    ///
    /// # Errors
    /// The outer one when nothing was decided.
    pub async fn revoke_lease(&self, revoke: RevokeLease) -> Written<RevokedLease> {
        expect(self.committer.submit(Mutation::RevokeLease(revoke)).await, |outcome| match outcome {
            Outcome::Revoked(revoked) => Some(*revoked),
            _ => None,
        })
    }

    /// Records an access token.
    ///
    /// # Errors
    /// The outer one when nothing was decided.
    pub async fn issue_token(&self, issue: IssueToken) -> Written<()> {
        expect(self.committer.submit(Mutation::IssueToken(Box::new(issue))).await, done)
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// The outer one when nothing was decided.
    pub async fn revoke_token(&self, revoke: RevokeToken) -> Written<()> {
        expect(self.committer.submit(Mutation::RevokeToken(revoke)).await, done)
    }

    /// Counts one use of a token with a limit.
    ///
    /// # Errors
    /// The outer one when nothing was decided.
    pub async fn use_token(&self, token_id: TokenId) -> Written<()> {
        expect(self.committer.submit(Mutation::UseToken(UseToken { token_id })).await, done)
    }

    /// Writes an audit record of something that changed nothing.
    ///
    /// # Errors
    /// What the database said.
    pub async fn record(&self, record: AuditRecord) -> Result<(), StoreError> {
        self.committer.submit(Mutation::Record(Box::new(record))).await.map(drop)
    }

    /// Keeps a signed head of the audit chain; shares a transaction with whatever else is written.
    ///
    /// # Errors
    /// What the database said.
    pub async fn put_checkpoint(&self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        self.committer.submit(Mutation::PutCheckpoint(Box::new(checkpoint))).await.map(drop)
    }

    /// The head of this process's audit chain, as of the last commit; to be watched.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<ChainHead> {
        self.committer.head()
    }

    /// Applies an administrative change; answers how many rows it touched.
    ///
    /// # Errors
    /// What the database said, a taken key among it.
    pub async fn administer(&self, change: AdminChange) -> Result<u64, StoreError> {
        match self.administer_if(change).await? {
            Ok(rows) => Ok(rows),
            // Without preconditions nothing is refused.
            Err(_) => Ok(0),
        }
    }

    /// Applies an administrative change whose preconditions are still met; answers how many rows it touched.
    ///
    /// # Errors
    /// The outer one when nothing was decided, a taken key among it.
    pub async fn administer_if(&self, change: AdminChange) -> Written<u64> {
        expect(self.committer.submit(Mutation::Administer(Box::new(change))).await, |outcome| match outcome {
            Outcome::Touched(rows) => Some(rows),
            _ => None,
        })
    }

    /// Marks leases that ran out, at most `limit`.
    ///
    /// # Errors
    /// What the database said.
    pub async fn expire_leases(&self, limit: u16) -> Result<Sweep, StoreError> {
        swept(self.committer.submit(Mutation::ExpireLeases(ExpireLeases { limit })).await)
    }

    /// Re-checks leases in doubt, at most `limit`.
    ///
    /// # Errors
    /// What the database said.
    pub async fn recheck_leases(&self, limit: u16) -> Result<Sweep, StoreError> {
        swept(self.committer.submit(Mutation::RecheckLeases(RecheckLeases { limit })).await)
    }
}

fn expect<T>(reply: Reply, pick: impl FnOnce(Outcome) -> Option<T>) -> Written<T> {
    match reply? {
        Err(refusal) => Ok(Err(refusal)),
        // A mutation is always answered in kind; anything else is a fault of the committer.
        Ok(outcome) => pick(outcome).map(Ok).ok_or(StoreError::Missing("the outcome of the mutation")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `expect` takes")]
fn done(outcome: Outcome) -> Option<()> {
    matches!(outcome, Outcome::Done | Outcome::Issued).then_some(())
}

fn swept(reply: Reply) -> Result<Sweep, StoreError> {
    match reply? {
        Ok(Outcome::Swept(sweep)) => Ok(sweep),
        _ => Ok(Sweep { marked: 0, expired: 0, more: false }),
    }
}
