//! Sweeps: what chores do, in bounded steps. None of them is needed for a refusal to hold: every use is judged anyway.

use crate::{
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::FenceId,
        owner::Owner,
    },
    store::{
        admin::{AdminChange, Change, Fence},
        mutation::Sweep,
    },
};

use super::{Broker, Error};

impl Broker {
    /// Makes tokens anew that are about to run out, and keeps idle grants alive, a bounded number; answers how many tokens
    /// were made.
    ///
    /// # Errors
    /// What the database said.
    pub async fn refresh_due_tokens(&self) -> Result<u64, Error> {
        self.refresher.refresh_due().await
    }

    /// Marks leases that ran out, until none is due or the bound of one call is reached; answers how many.
    ///
    /// # Errors
    /// What the database said.
    pub async fn expire_leases(&self) -> Result<u64, Error> {
        let mut marked = 0;
        for _ in 0..ROUNDS {
            let Sweep { marked: due, more, .. } = self.store.expire_leases(BATCH).await?;
            marked += due;
            if !more {
                break;
            }
        }
        Ok(marked)
    }

    /// Marks leases that lost their holder or their entitlement, or fell to a fence, after a change that may have ended
    /// some; answers how many were looked at closely.
    ///
    /// # Errors
    /// What the database said.
    pub async fn recheck_leases(&self) -> Result<u64, Error> {
        let mut marked = 0;
        for _ in 0..ROUNDS {
            let Sweep { marked: doubtful, more, .. } = self.store.recheck_leases(BATCH).await?;
            marked += doubtful;
            if !more {
                break;
            }
        }
        Ok(marked)
    }

    /// Removes what is kept no longer: rows of access tokens, idempotency keys, ended leases; in bounded steps, until
    /// nothing is left or the bound of one call is reached.
    ///
    /// # Errors
    /// What the database said.
    pub async fn prune(&self) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            let change = AdminChange::of(Change::Prune(self.clock.now(), PRUNED), Vec::new());
            if self.store.administer(change).await? < u64::from(PRUNED) {
                break;
            }
        }
        Ok(())
    }
}

impl Broker {
    /// Makes void whatever was lent before, since nobody knows what was revoked of it: every lease, every access token,
    /// every MCP token. For a database that is older than it was. `evidence` says why it is believed to be.
    ///
    /// # Errors
    /// What the database said.
    pub async fn void_the_past(&self, evidence: Vec<String>) -> Result<(), Error> {
        let now = self.clock.now();
        let id = self.entropy.id::<FenceId>(now).to_string();
        let actor = Actor { owner: Some(Owner::System), ..Actor::system() };
        let record = AuditRecord::success(EventName::DatabaseRestored, &actor, &id, now);
        let record = record.with("evidence", evidence.iter().take(EVIDENCE).cloned().collect::<Vec<_>>());
        let fence = Fence { id, created_at: now, reason: "database_restored".to_owned(), ..Fence::default() };
        let change = AdminChange::of(Change::VoidPast(fence), vec![record]);
        let mcp_tokens = self.store.administer(change).await?;
        tracing::warn!(
            ?evidence,
            mcp_tokens,
            "an older database was accepted: whatever was lent before is void"
        );
        Ok(())
    }
}

/// How many lines of evidence are recorded.
const EVIDENCE: usize = 16;
const BATCH: u16 = 256;
const PRUNED: u16 = 1_000;
const ROUNDS: usize = 200;
