//! Deciding a batch: load facts under lock, apply the model's rules in memory, write the results as sets.
//!
//! Order: tokens, revocations, renewals and reads, sweeps, creates. Several mutations of one lease are folded in
//! memory, one after the other, and its row is written once: with one renewal left, exactly one of 25 succeeds.

mod administration;
mod creates;
mod sweeps;
mod tokens;
mod uses;
mod working;

use crate::{
    clock::Clock,
    model::audit::AuditRecord,
    store::{
        StoreError,
        backend::Tx,
        mutation::{Mutation, Outcome, Refusal},
    },
};

use working::Working;

/// What a batch comes to.
pub(super) struct Decided {
    /// One for each mutation, in its order.
    pub(super) outcomes: Vec<Result<Outcome, Refusal>>,
    /// To be chained and written with it.
    pub(super) records: Vec<AuditRecord>,
}

/// Decides and writes everything but the audit records.
pub(super) async fn decide(
    tx: &mut dyn Tx,
    mutations: &[Mutation],
    clock: &dyn Clock,
) -> Result<Decided, StoreError> {
    if let [Mutation::Administer(change)] = mutations {
        return administration::decide(tx, change, clock).await;
    }
    let mut work = Working::load(tx, mutations, clock).await?;
    tokens::decide(&mut work, tx, mutations).await?;
    uses::revoke(&mut work, tx, mutations).await?;
    uses::renew_and_read(&mut work, mutations);
    sweeps::decide(&mut work, mutations);
    creates::decide(&mut work, tx, mutations).await?;
    work.write(tx).await?;
    Ok(work.into_decided())
}
