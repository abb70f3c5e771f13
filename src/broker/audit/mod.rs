//! Audit: signing the heads of chains, verifying what is stored, looking for records.
//!
//! Owns what a checkpoint is and what counts as tampering. Records are written by the operations themselves, and by
//! [`super::usage`] for what is counted; who may see which record is decided by the caller.

mod checkpoint;
mod query;
mod refusals;
mod verify;

pub use checkpoint::{CheckpointFile, CheckpointLine, FileError, newest_checkpoints, stored_keys};
pub use query::{AuditEntry, AuditPage, ExportedRecord, export, query};
pub use refusals::recorded_refusals;
pub use verify::{Verification, compare_heads, quick_check, verify};

pub(crate) use checkpoint::Signer;

use futures::stream::BoxStream;

use crate::store::audit::{AuditFilter, AuditOrder, AuditQuery};

use super::{Broker, Error};

impl Broker {
    /// Checks every chain; see [`verify`].
    ///
    /// # Errors
    /// What the database said.
    pub async fn verify_audit(&self) -> Result<Verification, Error> {
        let keys = stored_keys(self.store.rows()).await?;
        verify(self.store.rows(), &keys, &CheckpointFile::default()).await
    }

    /// Looks for records, of every owner: the caller has decided what may be seen.
    ///
    /// # Errors
    /// What the database said.
    pub async fn query_audit(&self, wanted: AuditQuery) -> Result<AuditPage, Error> {
        query(self.store.rows(), wanted).await
    }

    /// Every record of a filter, of every owner, a page at a time: the caller has decided what may be seen.
    #[must_use]
    pub fn export_audit(
        &self,
        filter: AuditFilter,
        order: AuditOrder,
    ) -> BoxStream<'static, Result<ExportedRecord, Error>> {
        export(self.store.backend(), filter, order)
    }

    /// Records how often tokens were good since the last flush, and, when asked, what failed, what was refused and what
    /// was read.
    ///
    /// # Errors
    /// What the database said; what was counted is lost then, as the operations' own records are not.
    pub async fn flush_usage(&self, failures_too: bool) -> Result<(), Error> {
        use crate::store::admin::{AdminChange, Change};
        let counts = self.usage.take(failures_too);
        let records = counts.records();
        if records.is_empty() {
            return Ok(());
        }
        self.store.administer(AdminChange::of(Change::RecordUsage(counts.uses()), records)).await?;
        Ok(())
    }
}
