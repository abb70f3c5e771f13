//! Sweeps: what chores do, in bounded steps. None of them is needed for a refusal to hold: every use is judged anyway.

use crate::store::{
    admin::{AdminChange, Change},
    mutation::Sweep,
};

use super::{Broker, Error};

impl Broker {
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
            let change = AdminChange { records: Vec::new(), change: Change::Prune(self.clock.now(), PRUNED) };
            if self.store.administer(change).await? < u64::from(PRUNED) {
                break;
            }
        }
        Ok(())
    }
}

const BATCH: u16 = 256;
const PRUNED: u16 = 1_000;
const ROUNDS: usize = 200;
