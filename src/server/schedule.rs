//! When chores run: the scheduler ticks, each run is a task of the process's life. It must not know what a chore does.

use std::sync::Arc;

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::{
    chores::{CHORES, Chore, Desk},
    lifecycle::Lifecycle,
};

/// Starts the scheduler; it stops when the drain begins. A chore that is still running is not started again.
///
/// # Errors
/// The scheduler cannot be set up.
pub(super) async fn start(desk: Arc<Desk>, lifecycle: &Lifecycle) -> Result<(), JobSchedulerError> {
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
