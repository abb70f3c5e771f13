//! The life of the process: tasks, the order to stop, and the end.
//!
//! Stopping has two steps. *Draining*: nothing new begins, what runs may finish. *Stopped*: time is up, whatever still
//! runs gives up. This is the one place that spawns tasks, so that the end can wait for them.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The life of the process. Cheap to clone; the clones share one life.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    draining: CancellationToken,
    stopped: CancellationToken,
    tasks: TaskTracker,
}

/// How the end came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every task finished by itself.
    Clean,
    /// The deadline passed, or a second signal came, with this many tasks still running.
    Forced {
        /// Counted when the time was up.
        running: usize,
    },
}

impl Lifecycle {
    /// A life that has just begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task that the end waits for.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns tasks")]
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        tokio::spawn(self.tasks.track_future(task))
    }

    /// Begins to drain at the first SIGTERM or SIGINT; stops at the second.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the end must not wait for the task that waits for signals"
    )]
    pub fn on_signal(&self) -> io::Result<()> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(self.clone().obey(terminate, interrupt));
        Ok(())
    }

    /// Asks for the drain. Idempotent.
    pub fn begin_drain(&self) {
        self.draining.cancel();
    }

    /// Ends the drain: time is up. Idempotent.
    pub fn stop(&self) {
        self.draining.cancel();
        self.stopped.cancel();
    }

    /// Whether the drain was asked for; then the process is not ready for new work.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Waits until the drain is asked for.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Waits until the time is up.
    pub async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    /// A token of one's own that is cancelled when the drain is asked for. Waiting on it often costs less than
    /// [`draining`](Self::draining), as its lock is not shared.
    #[must_use]
    pub fn drain_token(&self) -> CancellationToken {
        self.draining.child_token()
    }

    /// Begins the drain, waits for the tasks, and stops those that have not finished within the deadline.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        self.begin_drain();
        self.tasks.close();
        let outcome = tokio::select! {
            biased;
            () = self.tasks.wait() => Drained::Clean,
            () = self.stopped() => self.forced(),
            () = time::sleep(deadline) => self.forced(),
        };
        self.stop();
        // A task that heeds the order ends at once; one that does not is left to the end of the process.
        let _ = time::timeout(LAST_WORDS, self.tasks.wait()).await;
        outcome
    }

    fn forced(&self) -> Drained {
        Drained::Forced { running: self.tasks.len() }
    }

    async fn obey(self, mut terminate: Signal, mut interrupt: Signal) {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if self.is_draining() {
                tracing::warn!("stopping at once, at a second signal");
                self.stop();
            } else {
                tracing::info!("draining, at a signal; another one stops at once");
                self.begin_drain();
            }
        }
    }
}

const LAST_WORDS: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_drain_waits_for_tasks() {
        let lifecycle = Lifecycle::new();
        let inside = lifecycle.clone();
        let task = lifecycle.spawn(async move {
            inside.draining().await;
            // What the drain has to wait for.
            time::sleep(Duration::from_millis(30)).await;
            "finished"
        });
        assert!(!lifecycle.is_draining());
        assert_eq!(lifecycle.drain(LONG).await, Drained::Clean);
        assert_eq!(task.await.unwrap(), "finished");
        assert!(lifecycle.is_draining());
    }

    #[tokio::test]
    async fn a_deadline_stops_tasks() {
        let lifecycle = Lifecycle::new();
        let inside = lifecycle.clone();
        let task = lifecycle.spawn(async move { inside.stopped().await });
        assert_eq!(lifecycle.drain(Duration::from_millis(20)).await, Drained::Forced { running: 1 });
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_stop_ends_the_drain_before_its_deadline() {
        let lifecycle = Lifecycle::new();
        let inside = lifecycle.clone();
        lifecycle.spawn(async move { inside.stopped().await });
        let (outcome, ()) = tokio::join!(lifecycle.drain(LONG), async {
            // The drain is under way by then.
            time::sleep(Duration::from_millis(20)).await;
            lifecycle.stop();
        });
        assert_eq!(outcome, Drained::Forced { running: 1 });
    }

    #[tokio::test]
    async fn a_drain_with_a_panicked_task_ends() {
        let lifecycle = Lifecycle::new();
        let task = lifecycle.spawn(async { panic!("planned") });
        assert!(task.await.is_err());
        assert_eq!(lifecycle.drain(LONG).await, Drained::Clean);
    }
}
