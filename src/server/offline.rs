//! A store without ways in: for commands that write to a database by themselves.

use std::sync::Arc;

use crate::{
    clock::Clock, config::Config, entropy::Entropy, lifecycle::Lifecycle, store::Store,
    store::backend::Backend, telemetry::Metrics,
};

use super::{
    StartError,
    compose::{LAST_COMMITS, begin_chain, open_backend, open_store},
};

/// A database, open for writing with a chain of its own.
pub struct Offline {
    /// Rows, through a committer.
    pub store: Store,
    backend: Arc<dyn Backend>,
    lifecycle: Lifecycle,
}

impl Offline {
    /// Opens the database that the settings name, as it is.
    ///
    /// # Errors
    /// It cannot be opened, is used by another process, or has another schema.
    pub async fn open(
        config: &Config,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, StartError> {
        let backend = open_backend(config, false).await?;
        let (lifecycle, metrics) = (Lifecycle::new(), Metrics::new());
        let (store, chain) = open_store(&backend, clock, entropy, &metrics, config, &lifecycle);
        let offline = Self { store, backend, lifecycle };
        match begin_chain(&offline.store, &chain, clock.now()).await {
            Ok(()) => Ok(offline),
            Err(error) => {
                offline.close().await;
                Err(error)
            }
        }
    }

    /// Finishes what is under way and lets go of the database.
    pub async fn close(self) {
        self.lifecycle.drain(LAST_COMMITS).await;
        self.backend.close().await;
    }
}
