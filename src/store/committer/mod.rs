//! The committer: one task per process that turns queued mutations into few, large transactions.
//!
//! It takes what has queued up while the last commit ran, decides it on locked facts ([`decide`]), writes it as sets,
//! chains the audit records, commits, and only then answers. No timer: alone, a mutation commits at once; under load
//! batches form by themselves. Background mutations fill leftover room. Administrative changes are applied alone.

mod batch;
mod decide;
mod tally;

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    telemetry::{CallTrace, Stopwatch},
};

use super::{
    backend::Backend,
    chain::ChainHead,
    error::StoreError,
    mutation::{Mutation, Outcome, Refusal},
};

pub use tally::{LeaseEnd, Tally};

/// What one caller is answered.
pub type Reply = Result<Result<Outcome, Refusal>, StoreError>;

/// Where mutations are handed in. Cheap to clone.
#[derive(Clone)]
pub struct Committer {
    foreground: mpsc::Sender<Job>,
    background: mpsc::Sender<Job>,
    observer: Arc<dyn Observer>,
    head: watch::Receiver<ChainHead>,
}

/// Told what each commit did, for metrics.
pub trait Observer: Send + Sync + 'static {
    /// A batch was committed.
    fn committed(&self, commit: &Commit<'_>);
    /// A batch, or an attempt to learn what became of one, failed, or a mutation found no room.
    fn failed(&self, error: &StoreError);
}

/// A batch that was committed.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// What was handed in.
    pub mutations: &'a [Mutation],
    /// What was written.
    pub tally: &'a Tally,
    /// From the begin of the batch.
    pub took: Duration,
}

/// The half that does the work; run by [`Writer::run`] as a task of its own.
pub struct Writer {
    foreground: mpsc::Receiver<Job>,
    background: mpsc::Receiver<Job>,
    batches: batch::Batches,
}

struct Job {
    mutation: Mutation,
    reply: oneshot::Sender<Answer>,
}

/// A reply, and how long the batch took that it comes from.
type Answer = (Reply, Duration);

impl Committer {
    /// A committer on a back end, whose audit records continue `head`, with room for `queue` waiting mutations.
    #[must_use]
    pub fn new(
        backend: Arc<dyn Backend>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        head: ChainHead,
        queue: usize,
    ) -> (Self, Writer) {
        let (foreground, foreground_jobs) = mpsc::channel(queue);
        let (background, background_jobs) = mpsc::channel(BACKGROUND_QUEUE);
        let (head, head_seen) = watch::channel(head);
        let batches = batch::Batches::new(backend, clock, Arc::clone(&observer), head);
        let writer = Writer { foreground: foreground_jobs, background: background_jobs, batches };
        (Self { foreground, background, observer, head: head_seen }, writer)
    }

    /// Hands a mutation in and waits until its outcome is durable.
    ///
    /// A caller that leaves before its batch began takes its mutation along; one that began stands.
    ///
    /// # Errors
    /// [`StoreError::Busy`] at once when the queue is full; else what the database said.
    pub async fn submit(&self, mutation: Mutation) -> Reply {
        let (reply, answer) = oneshot::channel();
        let queue = if mutation.is_background() { &self.background } else { &self.foreground };
        let waiting = CallTrace::current().map(|trace| (trace, Stopwatch::start()));
        if queue.try_send(Job { mutation, reply }).is_err() {
            self.observer.failed(&StoreError::Busy);
            return Err(StoreError::Busy);
        }
        let (reply, commit) = answer.await.unwrap_or((Err(StoreError::Busy), Duration::ZERO));
        if let Some((trace, stopwatch)) = waiting {
            trace.wrote(stopwatch.elapsed(), commit);
        }
        reply
    }

    /// The head of this process's audit chain, as of the last commit; to be watched.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<ChainHead> {
        self.head.clone()
    }

    /// Mutations waiting.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.foreground.max_capacity() - self.foreground.capacity()
    }
}

impl Writer {
    /// Works until `stop`, then finishes what is queued.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                job = self.foreground.recv() => match job {
                    Some(job) => self.batch_from(job).await,
                    None => return,
                },
                Some(job) = self.background.recv() => self.batch_from(job).await,
                () = stop.cancelled() => break,
            }
        }
        self.foreground.close();
        while let Some(job) = self.foreground.recv().await {
            self.batch_from(job).await;
        }
    }

    async fn batch_from(&mut self, first: Job) {
        let mut jobs = vec![first];
        let share = share_of(self.foreground.len());
        while jobs.len() < share
            && let Ok(job) = self.foreground.try_recv()
        {
            jobs.push(job);
        }
        let room = MAX_BACKGROUND.min(MAX_BATCH - jobs.len());
        while jobs.len() < room
            && let Ok(job) = self.background.try_recv()
        {
            jobs.push(job);
        }
        jobs.retain(|job| !job.reply.is_closed());
        for run in split_at_exclusive(jobs) {
            self.batches.apply(run).await;
        }
    }
}

impl Mutation {
    /// Whether it waits until nobody else does.
    const fn is_background(&self) -> bool {
        matches!(self, Self::ExpireLeases(_) | Self::RecheckLeases(_))
    }

    /// Whether it is applied alone.
    const fn is_exclusive(&self) -> bool {
        matches!(self, Self::Administer(_))
    }
}

/// How many of the waiting jobs a batch takes: of many it leaves a half, so that while it is written its predecessor's
/// callers are answered and come back, instead of everybody waiting for everybody.
fn share_of(waiting: usize) -> usize {
    let all = waiting + 1;
    if all <= SMALL_BATCH { all } else { SMALL_BATCH.max(all / 2).min(MAX_BATCH) }
}

fn split_at_exclusive(jobs: Vec<Job>) -> Vec<Vec<Job>> {
    let mut runs: Vec<Vec<Job>> = Vec::new();
    let mut open = false;
    for job in jobs {
        let exclusive = job.mutation.is_exclusive();
        match runs.last_mut() {
            Some(run) if open && !exclusive => run.push(job),
            _ => runs.push(vec![job]),
        }
        open = !exclusive;
    }
    runs
}

/// So few are not worth a commit of their own for each half.
const SMALL_BATCH: usize = 32;
/// The most mutations of one transaction.
const MAX_BATCH: usize = 1_024;
/// The most background mutations of one transaction.
const MAX_BACKGROUND: usize = 256;
/// Background mutations that may wait; a chore that finds no room comes again.
const BACKGROUND_QUEUE: usize = 64;
