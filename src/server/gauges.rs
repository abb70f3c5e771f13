//! Figures that nobody hands in: looked up every few seconds, from counters, caches and the system, never by a scan.

use std::sync::Arc;

use crate::{
    broker::Broker,
    lifecycle::Lifecycle,
    telemetry::{Metrics, Resources, UPKEEP_PERIOD},
};

/// Looks the figures up until the drain begins.
pub(super) async fn watch(broker: Arc<Broker>, metrics: Metrics, lifecycle: Lifecycle) {
    loop {
        look(&broker, &metrics).await;
        tokio::select! {
            () = tokio::time::sleep(UPKEEP_PERIOD) => {}
            () = lifecycle.draining() => return,
        }
    }
}

async fn look(broker: &Broker, metrics: &Metrics) {
    metrics.upkeep();
    let Resources { memory_bytes, open_files } = Resources::now();
    metrics.resources(memory_bytes, open_files);
    match broker.live_leases().await {
        Ok(live) => metrics.live_leases(u64::try_from(live).unwrap_or_default()),
        Err(error) => tracing::debug!(%error, "live leases could not be counted"),
    }
    match broker.key_figures().await {
        Ok(keys) => {
            metrics.root_keys(keys.root_keys);
            metrics.signing_keys(keys.signing_keys, keys.signing_since);
            if let Some(data) = keys.data_keys {
                metrics.data_keys(data.first, data.other, data.oldest);
            }
        }
        Err(error) => tracing::debug!(%error, "the keys could not be looked at"),
    }
}
