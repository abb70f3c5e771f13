//! Tokens: issued, used, revoked; and records and checkpoints, which stand for nothing but themselves.

use std::collections::{BTreeMap, HashSet};

use crate::{
    model::{
        audit::{AuditRecord, EventName},
        id::TokenId,
        token::{Token, TokenRefusal},
    },
    store::{
        StoreError,
        admin::Change,
        backend::Tx,
        mutation::{Mutation, Outcome, Refusal},
    },
};

use super::working::Working;

/// Decides and writes everything about tokens.
pub(super) async fn decide(
    work: &mut Working,
    tx: &mut dyn Tx,
    mutations: &[Mutation],
) -> Result<(), StoreError> {
    issue(work, tx, mutations).await?;
    revoke(work, tx, mutations).await?;
    count_uses(work, tx, mutations).await?;
    for (position, mutation) in mutations.iter().enumerate() {
        match mutation {
            Mutation::Record(record) => work.record((**record).clone()),
            Mutation::PutCheckpoint(checkpoint) => {
                tx.administer(&Change::PutCheckpoint((**checkpoint).clone())).await?;
            }
            _ => continue,
        }
        work.settle(position, Ok(Outcome::Done));
    }
    Ok(())
}

async fn issue(work: &mut Working, tx: &mut dyn Tx, mutations: &[Mutation]) -> Result<(), StoreError> {
    let tokens: Vec<(Token, String)> = mutations
        .iter()
        .filter_map(|mutation| match mutation {
            Mutation::IssueToken(issue) => Some((issue.token.clone(), issue.secret.clone())),
            _ => None,
        })
        .collect();
    if tokens.is_empty() {
        return Ok(());
    }
    let inserted: HashSet<TokenId> = tx.insert_access_tokens(&tokens).await?.into_iter().collect();
    for (position, mutation) in mutations.iter().enumerate() {
        let Mutation::IssueToken(issue) = mutation else { continue };
        if inserted.contains(&issue.token.id) {
            let record =
                AuditRecord::success(EventName::TokenCreated, &issue.actor, issue.token.id, work.now);
            work.record(record.with("scope", issue.token.scopes.to_string()));
            work.settle(position, Ok(Outcome::Issued));
        } else {
            work.settle(position, Err(Refusal::ClientChanged));
        }
    }
    Ok(())
}

async fn revoke(work: &mut Working, tx: &mut dyn Tx, mutations: &[Mutation]) -> Result<(), StoreError> {
    let tokens: Vec<_> = mutations
        .iter()
        .filter_map(|mutation| match mutation {
            Mutation::RevokeToken(revoke) => Some((revoke.token_id, revoke.client_id)),
            _ => None,
        })
        .collect();
    if tokens.is_empty() {
        return Ok(());
    }
    let mut revoked: HashSet<TokenId> = tx.revoke_tokens(&tokens, work.now).await?.into_iter().collect();
    for (position, mutation) in mutations.iter().enumerate() {
        let Mutation::RevokeToken(revoke) = mutation else { continue };
        if revoked.remove(&revoke.token_id) {
            // What came with the same batch is judged after the revocation.
            if let Some(facts) = work.tokens.get_mut(&revoke.token_id) {
                facts.active = false;
            }
            work.record(AuditRecord::success(
                EventName::TokenRevoked,
                &revoke.actor,
                revoke.token_id,
                work.now,
            ));
        }
        work.settle(position, Ok(Outcome::Done));
    }
    Ok(())
}

async fn count_uses(work: &mut Working, tx: &mut dyn Tx, mutations: &[Mutation]) -> Result<(), StoreError> {
    let mut counts: BTreeMap<TokenId, i64> = BTreeMap::new();
    for (position, mutation) in mutations.iter().enumerate() {
        let Mutation::UseToken(used) = mutation else { continue };
        let outcome = match work.tokens.get_mut(&used.token_id) {
            None => Err(Refusal::Token(TokenRefusal::Unknown)),
            Some(facts) if facts.uses_left.is_some_and(|left| left <= 0) => {
                Err(Refusal::Token(TokenRefusal::UsedUp))
            }
            Some(facts) => {
                facts.uses_left = facts.uses_left.map(|left| left - 1);
                *counts.entry(used.token_id).or_default() += 1;
                Ok(Outcome::Done)
            }
        };
        work.settle(position, outcome);
    }
    if counts.is_empty() {
        return Ok(());
    }
    let counts: Vec<_> = counts.into_iter().collect();
    tx.count_uses(&counts, work.now).await
}
