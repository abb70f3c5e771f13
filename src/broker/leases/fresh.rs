//! Tokens good for as long as they are lent: made anew before, where they are not.
//!
//! A service that gives none does no harm while the present token is good; once that ran out, the lease cannot be served.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::join_all;

use crate::{
    broker::{
        Broker, Error,
        refresh::{Need, RefreshError},
    },
    model::{credential::Credential, id::CredentialId, ttl::Ttl},
};

impl Broker {
    /// Which of these have tokens too old to be lent for a ttl.
    pub(super) fn stale<'a>(
        &self,
        credentials: impl IntoIterator<Item = &'a Arc<Credential>>,
        ttl: Ttl,
    ) -> BTreeSet<CredentialId> {
        let now = self.clock.now();
        let stale = credentials.into_iter().filter(|credential| credential.needs_refresh(ttl, now));
        stale.map(|credential| credential.id).collect()
    }

    /// Makes their tokens anew; answers those for which there was none, and why.
    pub(super) async fn refresh_all(
        &self,
        ids: &BTreeSet<CredentialId>,
        ttl: Ttl,
    ) -> Vec<(CredentialId, RefreshError)> {
        let refreshes = ids
            .iter()
            .map(|id| async move { (*id, self.refresher.refreshed(*id, Need::Lending(ttl)).await) });
        let outcomes = join_all(refreshes).await;
        outcomes.into_iter().filter_map(|(id, outcome)| Some((id, outcome.err()?))).collect()
    }

    /// The credential as it can be lent now: with a new token where it needs one and there is one.
    ///
    /// # Errors
    /// Its token ran out, and the service gives none.
    pub(super) async fn freshened(
        &self,
        credential: Arc<Credential>,
        ttl: Ttl,
    ) -> Result<Arc<Credential>, Error> {
        if !credential.needs_refresh(ttl, self.clock.now()) {
            return Ok(credential);
        }
        match self.refresher.refreshed(credential.id, Need::Lending(ttl)).await {
            Ok(refreshed) => Ok(self.remember(refreshed)),
            Err(error) if self.serves(&credential) && !matches!(error, RefreshError::Gone) => Ok(credential),
            Err(error) => Err(error.into_error(credential.service.as_str())),
        }
    }

    /// Whether what it holds can be used still.
    pub(super) fn serves(&self, credential: &Credential) -> bool {
        credential.life().is_some_and(|life| !life.is_over(self.clock.now()))
    }

    fn remember(&self, credential: Credential) -> Arc<Credential> {
        let credential = Arc::new(credential);
        self.credentials.insert((credential.id, credential.version), Arc::clone(&credential));
        credential
    }
}
