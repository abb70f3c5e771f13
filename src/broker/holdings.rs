//! Holdings, cached. A lease resolved from a stale entry is refused by its revisions, and resolved again from fresh ones;
//! a service that a cached entry does not have is looked for in fresh ones before it is called missing.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::{
    model::holdings::{Holdings, Subject},
    store::{Store, StoreError},
};

/// What subjects can borrow from, as last read.
pub(crate) struct HoldingsCache {
    entries: Cache<Subject, Arc<Holdings>>,
}

impl HoldingsCache {
    pub(crate) fn new() -> Self {
        Self { entries: Cache::new(ENTRIES) }
    }

    /// As last read, if ever.
    pub(crate) fn cached(&self, subject: &Subject) -> Option<Arc<Holdings>> {
        self.entries.get(subject)
    }

    /// Read anew.
    pub(crate) async fn fresh(&self, store: &Store, subject: Subject) -> Result<Arc<Holdings>, StoreError> {
        let holdings = Arc::new(store.rows().load_holdings(subject).await?);
        self.entries.insert(subject, Arc::clone(&holdings));
        Ok(holdings)
    }
}

const ENTRIES: usize = 10_000;
