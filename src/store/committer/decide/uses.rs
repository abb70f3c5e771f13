//! Uses of leases: revocations, renewals, readings.

use crate::{
    model::{
        audit::{AuditRecord, EventName},
        id::LeaseId,
        instant::Instant,
        lease::Lease,
        scope::Operation,
        standing::Standing,
    },
    store::mutation::{
        Mutation, Outcome, ReadCredentials, ReadableLease, Refusal, RenewLease, RenewedLease, RevokeLease,
        RevokedLease,
    },
};

use super::working::{End, Working};

/// Revocations come first: whatever else the batch holds for the same lease sees it revoked.
pub(super) fn revoke(work: &mut Working, mutations: &[Mutation]) {
    for (position, mutation) in mutations.iter().enumerate() {
        if let Mutation::RevokeLease(revoke) = mutation {
            let outcome = revoke_one(work, revoke);
            work.settle(position, outcome);
        }
    }
}

/// Renewals and readings, in the order they came.
pub(super) fn renew_and_read(work: &mut Working, mutations: &[Mutation]) {
    for (position, mutation) in mutations.iter().enumerate() {
        let outcome = match mutation {
            Mutation::RenewLease(renew) => renew_one(work, renew),
            Mutation::ReadCredentials(read) => read_one(work, read),
            Mutation::CheckLease(check) => {
                let held = work.own_lease(&check.bearer, check.lease_id);
                held.map(|held| Outcome::Checked(Box::new(held.facts.clone())))
            }
            _ => continue,
        };
        if let Err(refusal) = &outcome {
            record_refusal(work, mutation, *refusal);
        }
        work.settle(position, outcome);
    }
}

fn revoke_one(work: &mut Working, revoke: &RevokeLease) -> Result<Outcome, Refusal> {
    let now = work.now;
    let held = work.own_lease(&revoke.bearer, revoke.lease_id)?;
    let ran_out = held.facts.standing(now) == Standing::Expired;
    let newly = !ran_out && held.facts.revocation().is_none();
    if newly {
        let by = revoke.bearer.principal.to_string();
        work.end(revoke.lease_id, End::Revoked { reason: revoke.reason.clone(), by }, &revoke.actor);
    }
    let held = work.own_lease(&revoke.bearer, revoke.lease_id)?;
    let lease = held.facts.lease.clone();
    let ended_at = lease.state.revocation().map_or(lease.expires_at, |revocation| revocation.at);
    Ok(Outcome::Revoked(Box::new(RevokedLease { lease, ended_at, newly })))
}

fn renew_one(work: &mut Working, renew: &RenewLease) -> Result<Outcome, Refusal> {
    let now = work.now;
    let held = work.own_lease(&renew.bearer, renew.lease_id)?;
    if let Some(refusal) = held.refusal(now) {
        return Err(Refusal::Use(refusal));
    }
    let lease = &mut held.facts.lease;
    if renew.ttl.is_some_and(|ttl| ttl > lease.ttl) {
        return Err(Refusal::TtlTooLong);
    }
    let renewal = lease.renewal(renew.ttl, now).map_err(Refusal::Use)?;
    lease.renewed(renewal, now);
    held.changed = true;
    // Who may not see values leaves a rotation for somebody who may.
    let may_see = renew.bearer.scopes.allows(Operation::LeaseCreate);
    let sources = (may_see && (renew.with_sources || held.rotated)).then(|| held.hand_out());
    let outcome = RenewedLease {
        lease: held.facts.lease.clone(),
        capped_by: renewal.capped_by,
        sources,
        values_expire_at: held.facts.values_expire_at,
    };
    let record = lease_record(EventName::LeaseRenewed, &renew.actor, &outcome.lease, now);
    work.record(record.with("renewal_count", outcome.lease.renewal_count));
    Ok(Outcome::Renewed(Box::new(outcome)))
}

fn read_one(work: &mut Working, read: &ReadCredentials) -> Result<Outcome, Refusal> {
    let now = work.now;
    let held = work.own_lease(&read.bearer, read.lease_id)?;
    if let Some(refusal) = held.refusal(now) {
        return Err(Refusal::Use(refusal));
    }
    let lease = held.facts.lease.clone();
    let sources = held.hand_out();
    work.record(lease_record(EventName::CredentialRead, &read.actor, &lease, now));
    Ok(Outcome::Readable(Box::new(ReadableLease { lease, sources })))
}

fn lease_record(
    event: EventName,
    actor: &crate::model::audit::Actor,
    lease: &Lease,
    now: Instant,
) -> AuditRecord {
    AuditRecord::success(event, actor, lease.id, now)
}

fn record_refusal(work: &mut Working, mutation: &Mutation, refusal: Refusal) {
    let (event, actor, lease_id): (_, _, LeaseId) = match mutation {
        Mutation::RenewLease(renew) => (EventName::LeaseRenewDenied, &renew.actor, renew.lease_id),
        Mutation::ReadCredentials(read) => (EventName::CredentialReadDenied, &read.actor, read.lease_id),
        _ => return,
    };
    let code = match refusal {
        Refusal::Use(refusal) => refusal.as_str(),
        Refusal::NotFound => "not_found",
        // A token that no longer stands is an authentication failure; it is counted there.
        _ => return,
    };
    let record = AuditRecord::refusal(event, actor, Some(lease_id.to_string()), code, work.now);
    work.record(record);
}
