//! What the committer does, as figures and as a line in the log when it is slow.

use std::time::Duration;

use crate::{
    model::audit::EventName,
    store::{
        StoreError,
        committer::{Commit, Observer},
        mutation::Mutation,
    },
    telemetry::Metrics,
};

/// Puts commits into metrics.
pub(super) struct Figures {
    pub(super) metrics: Metrics,
    /// From how long on a commit is logged.
    pub(super) slow: Option<Duration>,
}

impl Observer for Figures {
    fn committed(&self, commit: &Commit<'_>) {
        let Commit { mutations, tally, took } = commit;
        let metrics = &self.metrics;
        metrics.commit(*took, mutations.len());
        metrics.leases_created(tally.done(EventName::LeaseCreated));
        metrics.leases_renewed(tally.done(EventName::LeaseRenewed));
        metrics.tokens_issued(tally.done(EventName::TokenCreated));
        tally.ended().for_each(|(end, count)| metrics.leases_ended(end.as_str(), count));
        tally.successes().for_each(|(event, count)| metrics.audit_records(event.as_str(), "success", count));
        tally.refusals().for_each(|(event, count)| metrics.audit_records(event.as_str(), "refusal", count));
        for mutation in *mutations {
            if let Mutation::PutCheckpoint(checkpoint) = mutation {
                metrics.audit_checkpoint(checkpoint.at);
            }
        }
        if self.slow.is_some_and(|limit| *took >= limit) {
            log_slow(commit);
        }
    }

    fn failed(&self, error: &StoreError) {
        self.metrics.store_error(error.kind());
    }
}

fn log_slow(commit: &Commit<'_>) {
    let Commit { mutations, took, .. } = commit;
    let request_ids: Vec<&str> =
        mutations.iter().filter_map(Mutation::request_id).take(REQUEST_IDS_LOGGED).collect();
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::warn!(
        duration_us,
        mutations = mutations.len(),
        request_ids = request_ids.join(","),
        "a commit was slow"
    );
}

/// How many of a slow batch's calls are named; each of them says in its own line where its time went.
const REQUEST_IDS_LOGGED: usize = 8;
