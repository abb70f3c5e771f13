//! Floor 5: chores, the periodic jobs. A chore takes no input, may run twice, and does a bounded amount; what it does is
//! a method of the broker. It knows no scheduler: the composition ticks. Nothing that must hold waits for a chore.

use std::{pin::Pin, sync::Arc};

use crate::{
    broker::{Broker, Error},
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
    Chore { name: "withdraw_tokens", schedule: "0/2 * * * * *", run: |desk| Box::pin(withdraw(desk)) },
    Chore { name: "refresh_tokens", schedule: "4/5 * * * * *", run: |desk| Box::pin(refresh(desk)) },
    Chore { name: "prune", schedule: "15 * * * * *", run: |desk| Box::pin(prune(desk)) },
];

async fn expire(desk: Arc<Desk>) -> Result<(), Error> {
    let marked = desk.broker.expire_leases().await?;
    if marked > 0 {
        tracing::info!(leases = marked, "marked expired leases");
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
    desk.broker.sign_checkpoint().await.map(drop)
}

async fn rewrap(desk: Arc<Desk>) -> Result<(), Error> {
    let rewrapped = desk.broker.rewrap_data_keys(&Actor::system()).await?;
    if rewrapped > 0 {
        tracing::info!(keys = rewrapped, "wrapped data keys under the first root key");
    }
    Ok(())
}

async fn withdraw(desk: Arc<Desk>) -> Result<(), Error> {
    let gone = desk.broker.withdraw_tokens().await?;
    if gone > 0 {
        tracing::info!(tokens = gone, "withdrew tokens of leases that are over");
    }
    Ok(())
}

async fn refresh(desk: Arc<Desk>) -> Result<(), Error> {
    let made = desk.broker.refresh_due_tokens().await?;
    if made > 0 {
        tracing::info!(tokens = made, "refreshed tokens that were about to run out");
    }
    Ok(())
}

async fn prune(desk: Arc<Desk>) -> Result<(), Error> {
    desk.broker.prune().await
}
