//! What a chore does: tokens that are about to run out, idle grants that would lapse; within what services allow.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};

use crate::{
    broker::Error,
    model::{credential::Credential, grant::Grant, instant::Instant},
    store::admin::{AdminChange, Change, GrantChange, LeasesOf, UpstreamCall},
};

use super::{Need, RefreshError, Refresher};

impl Refresher {
    /// Refreshes what is due, a bounded number; answers how many tokens were made.
    pub(crate) async fn refresh_due(self: &Arc<Self>) -> Result<u64, Error> {
        let now = self.clock.now();
        let due = self.store.rows().list_due_grants(now, PER_SERVICE).await?;
        let refreshed = stream::iter(due)
            .map(|grant| self.refresh_one(grant, now))
            .buffer_unordered(AT_ONCE)
            .fold(0, |sum, made| async move { sum + u64::from(made) })
            .await;
        Ok(refreshed)
    }

    /// Whether a token was made. A failure is in the row, for the next run.
    async fn refresh_one(self: &Arc<Self>, grant: Grant, now: Instant) -> bool {
        let id = grant.credential_id;
        match self.is_idle(&grant, now).await {
            Ok(Some(later)) => {
                let change = AdminChange::of(Change::Grant(GrantChange::Postpone(id, later)), Vec::new());
                if let Err(error) = self.store.administer(change).await {
                    tracing::warn!(%error, "an idle grant was not put off; it comes again");
                }
                return false;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a grant was left out; it comes again");
                return false;
            }
        }
        self.fly(id, Need::Due, PATIENCE).await.is_ok()
    }

    /// When to look again at a grant that nobody borrows from: its access token may run out, its refresh token may not.
    async fn is_idle(&self, grant: &Grant, now: Instant) -> Result<Option<Option<Instant>>, Error> {
        if grant.would_lapse(now) || grant.failures > 0 {
            return Ok(None);
        }
        let live = self.store.rows().count_leases(LeasesOf::Credential(grant.credential_id), now).await?;
        Ok((live == 0).then(|| grant.keep_alive_at(self.jitter())))
    }

    /// Takes one of the calls that a service allows in these few seconds. A chore leaves half of them to requests.
    pub(super) async fn take_call(&self, credential: &Credential, need: Need) -> Result<(), RefreshError> {
        let service = self.service(&credential.service)?;
        let Some(limit) = service.issuing.calls_per_minute else { return Ok(()) };
        let whole = per_slot(limit);
        let most = if need == Need::Due { (whole / 2).max(1) } else { whole };
        let slot = self.clock.now().micros() / SLOT_MICROS;
        let name = credential.service.to_string();
        let change = Change::Grant(GrantChange::CountCall(UpstreamCall { name, slot, most }));
        let counted = self.store.administer(AdminChange::of(change, Vec::new())).await;
        match counted.map_err(Error::from)? {
            0 => Err(RefreshError::Resting {
                why: "the service was called as often as it allows".to_owned(),
                again_in: Duration::from_micros(SLOT_MICROS.unsigned_abs()),
            }),
            _ => Ok(()),
        }
    }
}

/// Calls in a slot, so that no sixty seconds have more than the limit: they touch thirteen slots at most.
fn per_slot(limit: u32) -> i64 {
    (i64::from(limit) / 13).max(1)
}

const SLOT_MICROS: i64 = 5_000_000;
/// Of each service in one run, so that one with many does not keep the others waiting.
const PER_SERVICE: u16 = 16;
const AT_ONCE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(40);
