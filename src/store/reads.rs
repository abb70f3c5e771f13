//! Reads of uses, batched as writes are: what queued up while the last read ran is read with one pair of statements.
//!
//! Caches nothing: each answer is what the database said after the question was asked.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    model::{
        id::{LeaseId, TokenId},
        standing::LeaseFacts,
        token::TokenFacts,
    },
    telemetry::{CallTrace, Stopwatch},
};

use super::{backend::Backend, error::StoreError};

/// Where questions are handed in. Cheap to clone.
#[derive(Clone)]
pub struct UseReads {
    questions: mpsc::Sender<Question>,
}

/// The half that does the work; run by [`Reader::run`] as a task of its own.
pub struct Reader {
    backend: Arc<dyn Backend>,
    questions: mpsc::Receiver<Question>,
}

type Answer = Result<(Option<TokenFacts>, Option<LeaseFacts>), StoreError>;

struct Question {
    token: TokenId,
    lease: Option<LeaseId>,
    reply: oneshot::Sender<Answer>,
}

impl UseReads {
    /// Batched reads on a back end, with room for `queue` waiting questions.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, queue: usize) -> (Self, Reader) {
        let (sender, questions) = mpsc::channel(queue);
        (Self { questions: sender }, Reader { backend, questions })
    }

    pub(super) async fn facts(&self, token: TokenId, lease: Option<LeaseId>) -> Answer {
        let (reply, answer) = oneshot::channel();
        let waiting = CallTrace::current().map(|trace| (trace, Stopwatch::start()));
        self.questions.try_send(Question { token, lease, reply }).map_err(|_| StoreError::Busy)?;
        let answer = answer.await.unwrap_or(Err(StoreError::Busy));
        if let Some((trace, stopwatch)) = waiting {
            trace.read(stopwatch.elapsed());
        }
        answer
    }
}

impl Reader {
    /// Works until `stop`, then answers what is queued.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            let received = tokio::select! {
                biased;
                received = self.questions.recv_many(&mut batch, MAX_BATCH) => received,
                () = stop.cancelled() => {
                    self.questions.close();
                    self.questions.recv_many(&mut batch, MAX_BATCH).await
                }
            };
            if received == 0 {
                return;
            }
            self.answer(&mut batch).await;
        }
    }

    async fn answer(&self, batch: &mut Vec<Question>) {
        batch.retain(|question| !question.reply.is_closed());
        if batch.is_empty() {
            return;
        }
        let tokens: BTreeSet<TokenId> = batch.iter().map(|question| question.token).collect();
        let leases: BTreeSet<LeaseId> = batch.iter().filter_map(|question| question.lease).collect();
        let (tokens, leases): (Vec<_>, Vec<_>) = (tokens.into_iter().collect(), leases.into_iter().collect());
        match self.backend.read_uses(&tokens, &leases).await {
            Ok((tokens, leases)) => answer_each(batch, tokens, leases),
            Err(error) => batch.drain(..).for_each(|question| {
                // A caller that left needs no answer.
                let _ = question.reply.send(Err(error.clone()));
            }),
        }
    }
}

fn answer_each(batch: &mut Vec<Question>, tokens: Vec<TokenFacts>, leases: Vec<LeaseFacts>) {
    let tokens: HashMap<TokenId, TokenFacts> = tokens.into_iter().map(|facts| (facts.id, facts)).collect();
    let leases: HashMap<LeaseId, LeaseFacts> =
        leases.into_iter().map(|facts| (facts.lease.id, facts)).collect();
    for question in batch.drain(..) {
        let token = tokens.get(&question.token).copied();
        let lease = question.lease.and_then(|id| leases.get(&id).cloned());
        let _ = question.reply.send(Ok((token, lease)));
    }
}

const MAX_BATCH: usize = 256;
