//! Sweeps: what chores do, in bounded steps. None of them is needed for a refusal to hold: every use is judged anyway.

use std::sync::atomic::Ordering;

use crate::{
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::LeaseId,
        instant::Instant,
    },
    store::{
        admin::{AdminChange, Change},
        mutation::RecheckLeases,
    },
};

use super::{Broker, Error};

impl Broker {
    /// Marks leases that ran out, until none is due or the step's bound is reached; answers how many.
    ///
    /// # Errors
    /// What the database said.
    pub async fn expire_leases(&self) -> Result<u64, Error> {
        let mut marked = 0;
        for _ in 0..ROUNDS {
            let due = self.store.expire_leases(BATCH).await?;
            marked += due;
            if due < u64::from(BATCH) {
                break;
            }
        }
        Ok(marked)
    }

    /// Marks leases that lost their holder, their entitlement, or fell to a fence: one pass over live leases after each
    /// change that may end one. A pass too long for one step goes on in the next.
    ///
    /// # Errors
    /// What the database said; the pass starts over then.
    pub async fn recheck_leases(&self) -> Result<(), Error> {
        let mut after: Option<LeaseId> = {
            let mut pass = self.doubts.pass.lock().await;
            if pass.is_none() && !self.doubts.raised.swap(false, Ordering::AcqRel) {
                return Ok(());
            }
            pass.take().flatten()
        };
        for _ in 0..ROUNDS {
            let step = self.store.recheck_leases(RecheckLeases { after, limit: SCAN }).await;
            match step {
                Ok(Some(reached)) => after = Some(reached),
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.doubt();
                    return Err(error.into());
                }
            }
        }
        *self.doubts.pass.lock().await = Some(after);
        Ok(())
    }

    /// Removes token rows a day after they ran out, and idempotency keys that no longer stand.
    ///
    /// # Errors
    /// What the database said.
    pub async fn prune(&self) -> Result<u64, Error> {
        let before: Instant = self.clock.now().plus_seconds(-DAY_SECONDS);
        let change = AdminChange { records: Vec::new(), change: Change::Prune(before, SCAN) };
        Ok(self.store.administer(change).await?)
    }

    /// Says that some lease may have lost what it rests on: the next step of the sweep looks.
    pub(crate) fn doubt(&self) {
        self.doubts.raised.store(true, Ordering::Release);
    }

    /// Writes a record of something that changed nothing, by the broker itself.
    ///
    /// # Errors
    /// What the database said.
    pub async fn note(&self, event: EventName, target: &str) -> Result<(), Error> {
        Ok(self.store.record(AuditRecord::success(event, &Actor::system(), target, self.clock.now())).await?)
    }
}

/// Whether a pass over live leases is due, and how far it came.
#[derive(Default)]
pub(super) struct Doubts {
    raised: std::sync::atomic::AtomicBool,
    /// Some: a pass is under way, and goes on after this lease.
    pass: tokio::sync::Mutex<Option<Option<LeaseId>>>,
}

impl Doubts {
    /// At start one pass is due: the process before may have died with one open.
    pub(super) fn at_start() -> Self {
        Self { raised: std::sync::atomic::AtomicBool::new(true), ..Self::default() }
    }
}

const BATCH: u16 = 256;
const SCAN: u16 = 1_000;
const ROUNDS: usize = 40;
const DAY_SECONDS: i64 = 86_400;
