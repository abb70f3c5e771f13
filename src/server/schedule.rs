//! When chores run: the scheduler ticks, each run is a task of the process's life. It must not know what a chore does.

use std::sync::Arc;

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::{
    chores::{CHORES, Chore, Desk},
    clock::Clock,
    lifecycle::Lifecycle,
    telemetry::{Chain, ChoreFigures, Metrics, Stopwatch},
};

/// Where a chore's runs are told.
#[derive(Clone)]
struct Told {
    figures: ChoreFigures,
    clock: Arc<dyn Clock>,
}

impl Told {
    async fn run(&self, chore: &Chore, desk: Arc<Desk>) {
        let stopwatch = Stopwatch::start();
        match (chore.run)(desk).await {
            Ok(()) => self.figures.succeeded(stopwatch.elapsed(), self.clock.now()),
            Err(error) => {
                self.figures.failed(stopwatch.elapsed());
                let cause = error.cause.as_ref().map(|cause| tracing::field::display(Chain(cause)));
                tracing::warn!(chore = chore.name, %error, cause, "a chore failed; it comes again");
            }
        }
    }
}

/// Starts the scheduler; it stops when the drain begins. A chore that is still running is not started again.
///
/// # Errors
/// The scheduler cannot be set up.
pub(super) async fn start(
    desk: Arc<Desk>,
    metrics: &Metrics,
    clock: &Arc<dyn Clock>,
    lifecycle: &Lifecycle,
) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    for chore in CHORES {
        let told = Told { figures: metrics.chore(chore.name), clock: Arc::clone(clock) };
        scheduler.add(job(chore, &desk, &told, lifecycle)?).await?;
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

fn job(
    chore: &'static Chore,
    desk: &Arc<Desk>,
    told: &Told,
    lifecycle: &Lifecycle,
) -> Result<Job, JobSchedulerError> {
    let (desk, told, lifecycle) = (Arc::clone(desk), told.clone(), lifecycle.clone());
    let running = Arc::new(tokio::sync::Mutex::new(()));
    Job::new_async(chore.schedule, move |_, _| {
        let (desk, told) = (Arc::clone(&desk), told.clone());
        let (lifecycle, running) = (lifecycle.clone(), Arc::clone(&running));
        Box::pin(async move {
            let Ok(running) = running.try_lock_owned() else { return };
            if lifecycle.is_draining() {
                return;
            }
            lifecycle.spawn(async move {
                let _running = running;
                told.run(chore, desk).await;
            });
        })
    })
}
