//! One refresh of a credential at a time in this process; everybody who wants it waits for the same one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    channel::oneshot,
    future::{BoxFuture, Shared},
};
use tokio::time::timeout;

use crate::model::id::CredentialId;

use super::{Need, RefreshError, Refresher};

/// The refreshes under way.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<CredentialId, Flight>>);

type Flight = Shared<BoxFuture<'static, Result<(), RefreshError>>>;

impl Refresher {
    /// Joins the refresh under way, or begins one; waits no longer than `patience` for it. It goes on without whoever
    /// waits: half a refresh would lose the grant.
    pub(super) async fn fly(
        self: &Arc<Self>,
        id: CredentialId,
        need: Need,
        patience: Duration,
    ) -> Result<(), RefreshError> {
        let flight = self.flight(id, need);
        timeout(patience, flight).await.unwrap_or(Err(RefreshError::Slow))
    }

    fn flight(self: &Arc<Self>, id: CredentialId, need: Need) -> Flight {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&id) {
            return flight.clone();
        }
        let (landed, landing) = oneshot::channel();
        let landing = landing.map(|outcome| outcome.unwrap_or(Err(RefreshError::Slow)));
        let flight = landing.boxed().shared();
        flights.insert(id, flight.clone());
        drop(flights);
        let refresher = Arc::clone(self);
        (self.spawn)(Box::pin(async move {
            let aloft = Aloft { refresher: &refresher, id };
            let outcome = refresher.claim_and_refresh(id, need).await;
            // Whoever comes from here on begins anew, and sees what this one brought.
            drop(aloft);
            // Nobody may be waiting any more.
            let _ = landed.send(outcome);
        }));
        flight
    }
}

/// Takes the flight off the list, whatever becomes of it.
struct Aloft<'a> {
    refresher: &'a Refresher,
    id: CredentialId,
}

impl Drop for Aloft<'_> {
    fn drop(&mut self) {
        self.refresher.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
