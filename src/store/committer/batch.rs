//! One batch from begin to answer: retries, bisecting, and commits whose outcome is unknown.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    clock::Clock,
    telemetry::{Chain, Stopwatch},
};

use super::{Answer, Commit, Job, Observer, Tally, decide};
use crate::store::{
    backend::Backend,
    chain::{CHAIN_HEAD, ChainHead},
    error::StoreError,
    mutation::{Mutation, Outcome, Refusal},
};

/// Applies batches, one after the other; owns the head of this process's audit chain.
pub(super) struct Batches {
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    head: watch::Sender<ChainHead>,
    /// Where the chain is if the last commit took, when nobody could tell yet. Nothing is appended before it is known.
    in_doubt: Option<ChainHead>,
}

/// What a batch came to.
struct Applied {
    outcomes: Vec<Result<Outcome, Refusal>>,
    tally: Tally,
}

/// A failed attempt.
enum Failed {
    /// Nothing was written.
    Before(StoreError),
    /// The commit's answer was lost; if it took, this is what it decided and where the chain is; else why it failed.
    InDoubt { applied: Applied, head: ChainHead, error: StoreError },
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

impl Batches {
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        head: watch::Sender<ChainHead>,
    ) -> Self {
        Self { backend, clock, observer, head, in_doubt: None }
    }

    /// Applies the jobs and answers each of them. A mutation that the database refuses is found by halving the batch,
    /// so that it never fails its neighbours.
    pub(super) async fn apply(&mut self, jobs: Vec<Job>) {
        let mut pending = vec![jobs];
        while let Some(mut jobs) = pending.pop() {
            let (mutations, replies): (Vec<_>, Vec<_>) =
                jobs.drain(..).map(|job| (job.mutation, job.reply)).unzip();
            let stopwatch = Stopwatch::start();
            match self.commit(&mutations).await {
                Ok(Applied { outcomes, tally }) => {
                    let took = stopwatch.elapsed();
                    self.observer.committed(&Commit { mutations: &mutations, tally: &tally, took });
                    for (reply, outcome) in replies.into_iter().zip(outcomes) {
                        // A caller that left needs no answer.
                        let _ = reply.send((Ok(outcome), took));
                    }
                }
                Err(error) if mutations.len() > 1 && is_about_one(&error) => {
                    let mut first: Vec<Job> = rejoin(mutations, replies);
                    let second = first.split_off(first.len() / 2);
                    pending.extend([second, first]);
                }
                Err(error) => {
                    self.report(&error, mutations.len());
                    for reply in replies {
                        let _ = reply.send((Err(error.clone()), stopwatch.elapsed()));
                    }
                }
            }
        }
    }

    fn report(&self, error: &StoreError, mutations: usize) {
        // A taken key, or a change of what is not there, is the caller's mistake and in its answer.
        if matches!(error, StoreError::Conflict { .. } | StoreError::Missing(_)) {
            tracing::debug!(mutations, error = %Chain(error), "a mutation was refused by the database");
        } else {
            tracing::warn!(mutations, error = %Chain(error), "a batch failed");
            self.observer.failed(error);
        }
    }

    async fn commit(&mut self, mutations: &[Mutation]) -> Result<Applied, StoreError> {
        self.settle().await?;
        let mut attempt = 0;
        let stopwatch = Stopwatch::start();
        loop {
            attempt += 1;
            match self.attempt(mutations).await {
                Ok(applied) => return Ok(applied),
                Err(Failed::InDoubt { applied, head, error }) => match self.took(&head).await {
                    Some(true) => {
                        self.head.send_replace(head);
                        return Ok(applied);
                    }
                    Some(false) if attempt >= MAX_ATTEMPTS => return Err(error),
                    Some(false) => tokio::time::sleep(Duration::from_millis(2 * attempt)).await,
                    None => {
                        self.in_doubt = Some(head);
                        return Err(StoreError::OutcomeUnknown);
                    }
                },
                Err(Failed::Before(error)) if attempt < attempts_for(&error, stopwatch.elapsed()) => {
                    tokio::time::sleep(Duration::from_millis(2 * attempt)).await;
                }
                Err(Failed::Before(error)) => return Err(error),
            }
        }
    }

    async fn attempt(&mut self, mutations: &[Mutation]) -> Result<Applied, Failed> {
        let mut tx = self.backend.begin().await?;
        let decided = decide::decide(&mut *tx, mutations, &*self.clock).await?;
        let applied = Applied { outcomes: decided.outcomes, tally: Tally::of(&decided.records) };
        let before = self.head.borrow().clone();
        let (entries, head) = before.extend(decided.records);
        if !entries.is_empty() {
            tx.append_audit(&before, &entries).await.map_err(moved_back)?;
        }
        match tx.commit().await {
            Ok(()) => {
                self.head.send_replace(head);
                Ok(applied)
            }
            Err(error @ StoreError::Unavailable(_)) if !entries.is_empty() => {
                Err(Failed::InDoubt { applied, head, error })
            }
            Err(error) => Err(Failed::Before(error)),
        }
    }

    /// Whether a commit whose answer was lost took: the chain's head tells. `None` when the database does not answer for
    /// a while: callers should not wait for it to come back.
    async fn took(&self, head: &ChainHead) -> Option<bool> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.stored_head().await {
                Ok(stored) => return Some(stored.is_some_and(|stored| stored.seq >= head.seq)),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "the outcome of a commit is not known yet");
                    self.observer.failed(&error);
                }
            }
            if pause > LONGEST_PAUSE {
                return None;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Learns what became of a commit that was left in doubt, before anything else is written.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let Some(head) = &self.in_doubt else { return Ok(()) };
        let stored = self.stored_head().await?;
        let took = stored.is_some_and(|stored| stored.seq >= head.seq);
        tracing::info!(took, "the outcome of an earlier commit is known now");
        if let Some(head) = self.in_doubt.take().filter(|_| took) {
            self.head.send_replace(head);
        }
        Ok(())
    }

    async fn stored_head(&self) -> Result<Option<ChainHead>, StoreError> {
        // Locking the head waits for the commit in doubt, should it still be under way.
        let chain = self.head.borrow().chain_id.clone();
        self.backend.begin().await?.lock_chain(&chain).await
    }
}

/// This process alone writes its chain: a head that is not where it was left means that the database went back in time.
fn moved_back(error: StoreError) -> StoreError {
    match error {
        StoreError::Conflict { constraint } if constraint == CHAIN_HEAD => StoreError::Setup(
            "the database is not the one that this process wrote to: it was restored to an older state, or its audit \
             chain was changed. Stop every process, and start them with --accept-restore if it is to be so"
                .to_owned(),
        ),
        other => other,
    }
}

fn rejoin(mutations: Vec<Mutation>, replies: Vec<tokio::sync::oneshot::Sender<Answer>>) -> Vec<Job> {
    mutations.into_iter().zip(replies).map(|(mutation, reply)| Job { mutation, reply }).collect()
}

/// Whether the error comes from one mutation's data rather than from the database's state.
const fn is_about_one(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Conflict { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Data(_)
            | StoreError::Missing(_)
    )
}

/// How often a batch is tried in all after this error, so long after it began.
fn attempts_for(error: &StoreError, elapsed: Duration) -> u64 {
    match error {
        StoreError::Serialization(_) => MAX_ATTEMPTS,
        // A pooled connection may be stale after the database was restarted; the next one is fresh. A database that let
        // us wait is away: callers should hear so.
        StoreError::Unavailable(_) if elapsed < PATIENCE => 2,
        _ => 1,
    }
}

const MAX_ATTEMPTS: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The pauses add up to about three seconds.
const LONGEST_PAUSE: Duration = Duration::from_millis(1_600);
