//! Floor 5: chores, the periodic jobs. A chore takes no input, may run twice, and does a bounded amount; what it does is
//! a method of the broker. The scheduler only ticks; nothing that must hold waits for a chore.

use std::{pin::Pin, sync::Arc};

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::{
    broker::{Broker, Error},
    lifecycle::Lifecycle,
    model::audit::Actor,
};

/// A periodic job.
pub struct Chore {
    /// Its name, for the log.
    pub name: &'static str,
    /// When it ticks: seconds, minutes, hours, days, months, weekdays.
    pub schedule: &'static str,
    /// One run.
    pub run: fn(Arc<Desk>) -> Run,
}

/// What chores work with.
pub struct Desk {
    /// The broker.
    pub broker: Arc<Broker>,
    /// This process's audit chain.
    pub chain: String,
}

/// A run under way.
pub type Run = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Every chore.
pub const CHORES: &[Chore] = &[
    Chore { name: "expire_leases", schedule: "1/2 * * * * *", run: |desk| Box::pin(expire(desk)) },
    Chore { name: "recheck_leases", schedule: "0/2 * * * * *", run: |desk| Box::pin(recheck(desk)) },
    Chore { name: "record_usage", schedule: "3/10 * * * * *", run: |desk| Box::pin(record_usage(desk)) },
    Chore { name: "record_failures", schedule: "7 * * * * *", run: |desk| Box::pin(record_failures(desk)) },
    Chore { name: "sign_checkpoint", schedule: "30 * * * * *", run: |desk| Box::pin(sign_checkpoint(desk)) },
    Chore { name: "rewrap_data_keys", schedule: "45 * * * * *", run: |desk| Box::pin(rewrap(desk)) },
    Chore { name: "prune", schedule: "15 0/5 * * * *", run: |desk| Box::pin(prune(desk)) },
];

/// Starts the scheduler; it stops when the drain begins. A chore that is still running is not started again.
///
/// # Errors
/// The scheduler cannot be set up.
pub async fn start(desk: Arc<Desk>, lifecycle: &Lifecycle) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    for chore in CHORES {
        scheduler.add(job(chore, &desk, lifecycle)?).await?;
    }
    scheduler.start().await?;
    let draining = lifecycle.drain_token();
    lifecycle.spawn(async move {
        draining.cancelled().await;
        if let Err(error) = scheduler.shutdown().await {
            tracing::warn!(%error, "the scheduler did not stop");
        }
    });
    Ok(())
}

fn job(chore: &'static Chore, desk: &Arc<Desk>, lifecycle: &Lifecycle) -> Result<Job, JobSchedulerError> {
    let (desk, lifecycle) = (Arc::clone(desk), lifecycle.clone());
    let running = Arc::new(tokio::sync::Mutex::new(()));
    Job::new_async(chore.schedule, move |_, _| {
        let (desk, lifecycle, running) = (Arc::clone(&desk), lifecycle.clone(), Arc::clone(&running));
        Box::pin(async move {
            let Ok(running) = running.try_lock_owned() else { return };
            if lifecycle.is_draining() {
                return;
            }
            lifecycle.spawn(async move {
                let _running = running;
                if let Err(error) = (chore.run)(desk).await {
                    let cause = error.cause.as_ref().map(tracing::field::display);
                    tracing::warn!(chore = chore.name, %error, cause, "a chore failed; it comes again");
                }
            });
        })
    })
}

async fn expire(desk: Arc<Desk>) -> Result<(), Error> {
    let marked = desk.broker.expire_leases().await?;
    if marked > 0 {
        tracing::info!(marked, "marked expired leases");
    }
    Ok(())
}

async fn recheck(desk: Arc<Desk>) -> Result<(), Error> {
    desk.broker.recheck_leases().await.map(drop)
}

async fn record_usage(desk: Arc<Desk>) -> Result<(), Error> {
    desk.broker.flush_usage(false).await
}

async fn record_failures(desk: Arc<Desk>) -> Result<(), Error> {
    desk.broker.flush_usage(true).await
}

async fn sign_checkpoint(desk: Arc<Desk>) -> Result<(), Error> {
    desk.broker.sign_checkpoint(&desk.chain).await.map(drop)
}

async fn rewrap(desk: Arc<Desk>) -> Result<(), Error> {
    let rewrapped = desk.broker.rewrap_data_keys(&Actor::system()).await?;
    if rewrapped > 0 {
        tracing::info!(rewrapped, "wrapped data keys under the first root key");
    }
    Ok(())
}

async fn prune(desk: Arc<Desk>) -> Result<(), Error> {
    desk.broker.prune().await.map(drop)
}
