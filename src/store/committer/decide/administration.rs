//! An administrative change: applied if what its caller relied on is still true in this transaction.

use super::Decided;
use crate::{
    clock::Clock,
    model::{
        audit::{AuditRecord, EventName},
        token::TokenRefusal,
    },
    store::{
        StoreError,
        admin::{AdminChange, Change, Precondition},
        backend::Tx,
        mutation::{Bearer, Outcome, Refusal},
    },
};

/// Applies the change, or says why not; a refused one leaves nothing behind.
pub(super) async fn decide(
    tx: &mut dyn Tx,
    change: &AdminChange,
    clock: &dyn Clock,
) -> Result<Decided, StoreError> {
    tx.prepare(&change.change).await?;
    for precondition in &change.preconditions {
        if let Some(refusal) = judge(tx, precondition, clock).await? {
            return Ok(Decided { outcomes: vec![Err(refusal)], records: Vec::new() });
        }
    }
    let records = records_of(tx, change).await?;
    let touched = tx.administer(&change.change).await?;
    Ok(Decided { outcomes: vec![Ok(Outcome::Touched(touched))], records })
}

async fn judge(
    tx: &mut dyn Tx,
    precondition: &Precondition,
    clock: &dyn Clock,
) -> Result<Option<Refusal>, StoreError> {
    if let Precondition::Stands(bearer) = precondition {
        return Ok(stands(tx, bearer, clock).await?.err().map(Refusal::Token));
    }
    let refusal = match precondition {
        Precondition::Revision(..) => Refusal::Changed,
        Precondition::FewerTokens(_, most, _) => Refusal::TooManyTokens(*most),
        Precondition::AnotherKeySigns(..) => Refusal::LastSigningKey,
        Precondition::Membership(..) | Precondition::Stands(_) => Refusal::AuthorityChanged,
    };
    Ok(if tx.is_met(precondition).await? { None } else { Some(refusal) })
}

async fn stands(
    tx: &mut dyn Tx,
    bearer: &Bearer,
    clock: &dyn Clock,
) -> Result<Result<(), TokenRefusal>, StoreError> {
    let facts = tx.token_facts(&[bearer.token_id]).await?.pop();
    Ok(facts.ok_or(TokenRefusal::Unknown).and_then(|facts| facts.stands(bearer.reading, clock.now())))
}

/// The records of an administrative change. Whether a membership is new, or another role of an old one, is known here
/// alone, where nothing can come in between.
async fn records_of(tx: &mut dyn Tx, change: &AdminChange) -> Result<Vec<AuditRecord>, StoreError> {
    let Change::PutMembership(membership) = &change.change else { return Ok(change.records.clone()) };
    let before = tx.find_role(membership.organization_id, membership.user_id).await?;
    let told = |record: &AuditRecord| {
        let record = record.clone().with("role", membership.role.as_str());
        match before {
            Some(before) => AuditRecord { event: EventName::MemberRoleUpdated, ..record }
                .with("previous_role", before.as_str()),
            None => record,
        }
    };
    Ok(change.records.iter().map(told).collect())
}
