//! A stand-in that runs, as tests of the same process hold it.

use std::{io, net::Ipv4Addr, ops::Deref, sync::Arc};

use tokio::{net::TcpListener, task::JoinSet};

use super::{
    Actor, Backend, Clock, Counts, Ended, Faults, Outbox, Recorded, Records, Stage, counters::Counters, serve,
};

/// Where a stand-in listens, and what time it is there.
#[derive(Debug, Clone, Default)]
pub struct Listen {
    /// The port on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// A clock that others have too; one of its own if there is none.
    pub clock: Option<Clock>,
}

/// A running stand-in. Dereferences to the stand-in itself, for what only that one has. It stops with this value.
pub struct Running<B> {
    backend: Arc<B>,
    actor: Arc<Actor>,
    tasks: JoinSet<()>,
}

impl<B> Running<B> {
    /// Its base URL: `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.actor.stage.url
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.actor.stage.clock
    }

    /// Its faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.actor.stage.faults
    }

    /// Its counters, as they stand.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.actor.counts()
    }

    /// The last requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.actor.stage.records.all()
    }

    /// Waits until so many requests came, those of the control surface left out.
    pub async fn wait_until_requests(&self, count: u64) {
        self.actor.stage.records.wait_for(count).await;
    }

    /// Waits until so many tries to deliver a webhook were not accepted; the next ones then wait for the clock.
    pub async fn wait_until_webhooks_refused(&self, count: u64) {
        self.actor.stage.outbox.wait_for_refusals(count).await;
    }

    /// Ends tokens without notice.
    pub fn end(&self, tokens: Ended) {
        self.actor.backend.end(tokens);
    }

    /// Makes it as it was at its start; the clock stays where it is.
    pub fn reset(&self) {
        self.actor.reset();
    }

    /// Stops it, and waits until nobody can reach it.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl<B> Deref for Running<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.backend
    }
}

/// Starts what `make` makes for its stage.
pub(crate) async fn start<B: Backend>(
    listen: Listen,
    make: impl FnOnce(Stage) -> B,
) -> io::Result<Running<B>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, listen.port)).await?;
    let stage = Stage {
        url: format!("http://{}", listener.local_addr()?),
        clock: listen.clock.unwrap_or_default(),
        counters: Counters::default(),
        outbox: Outbox::default(),
        faults: Faults::none(),
        records: Records::default(),
    };
    let backend = Arc::new(make(stage.clone()));
    let actor = Arc::new(Actor { stage, backend: Arc::clone(&backend) as Arc<dyn Backend> });
    let mut tasks = JoinSet::new();
    tasks.spawn(actor.stage.outbox.clone().run(actor.stage.clock.clone(), actor.stage.counters.clone()));
    let serving = Arc::clone(&actor);
    tasks.spawn(async move {
        serve::accept(listener, serving).await;
    });
    Ok(Running { backend, actor, tasks })
}
