//! Figures of the broker that only it knows, for gauges: leases, the queue, keys. They decide nothing.

use crate::model::instant::Instant;

use super::{Broker, Error};

/// What is known of the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyFigures {
    /// Root keys that were given.
    pub root_keys: usize,
    /// Signing keys that are published.
    pub signing_keys: usize,
    /// When the one that signs was made.
    pub signing_since: Option<Instant>,
    /// Data keys as of the last rewrapping; none before the first.
    pub data_keys: Option<DataKeyFigures>,
}

/// What a rewrapping found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DataKeyFigures {
    /// Wrapped by the first root key, at its end.
    pub first: u64,
    /// Wrapped by another one still, because they could not be opened.
    pub other: u64,
    /// When the oldest was made.
    pub oldest: Option<Instant>,
}

impl DataKeyFigures {
    /// Adds a key.
    pub(super) fn add(&mut self, created_at: Instant, is_first: bool) {
        *(if is_first { &mut self.first } else { &mut self.other }) += 1;
        self.oldest = Some(self.oldest.map_or(created_at, |oldest| oldest.min(created_at)));
    }
}

impl Broker {
    /// Mutations waiting for the committer.
    #[must_use]
    pub fn queue_depth(&self) -> usize {
        self.store.queue_depth()
    }

    /// Live leases, from the counters.
    ///
    /// # Errors
    /// What the database said.
    pub async fn live_leases(&self) -> Result<i64, Error> {
        Ok(self.store.rows().count_live_leases().await?)
    }

    /// What is known of the keys.
    ///
    /// # Errors
    /// What the database said; keys that don't open.
    pub async fn key_figures(&self) -> Result<KeyFigures, Error> {
        let keys = self.signing.current(&self.store, &self.vault, &*self.clock).await?;
        Ok(KeyFigures {
            root_keys: self.vault.root_keys().len(),
            signing_keys: keys.verifying().len(),
            signing_since: keys.signing_since(self.clock.now()),
            data_keys: self.data_keys.load().as_deref().copied(),
        })
    }
}
