//! Uses of leases: revocations, renewals, readings.

use crate::{
    model::{
        audit::{AuditRecord, EventName},
        id::{LeaseId, OrganizationId},
        instant::Instant,
        lease::Lease,
        scope::Operation,
        standing::Standing,
    },
    store::{
        StoreError,
        backend::Tx,
        mutation::{
            Mutation, Outcome, Reach, ReadCredentials, ReadableLease, Refusal, RenewLease, RenewedLease,
            RevokeLease, RevokedLease,
        },
    },
};

use super::working::{End, Held, Working};

/// Revocations come first: whatever else the batch holds for the same lease sees it revoked.
pub(super) async fn revoke(
    work: &mut Working,
    tx: &mut dyn Tx,
    mutations: &[Mutation],
) -> Result<(), StoreError> {
    for (position, mutation) in mutations.iter().enumerate() {
        if let Mutation::RevokeLease(revoke) = mutation {
            let outcome = if holds(tx, &revoke.reach).await? {
                revoke_one(work, revoke)
            } else {
                Err(Refusal::AuthorityChanged)
            };
            work.settle(position, outcome);
        }
    }
    Ok(())
}

/// Whether what gives the bearer its reach is still true.
async fn holds(tx: &mut dyn Tx, reach: &Reach) -> Result<bool, StoreError> {
    if let Reach::RestingOn(_, preconditions) = reach {
        for precondition in preconditions {
            if !tx.is_met(precondition).await? {
                return Ok(false);
            }
        }
    }
    Ok(true)
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
    let held = within_reach(work, revoke)?;
    let ran_out = held.facts.standing(now) == Standing::Expired;
    let newly = !ran_out && held.facts.revocation().is_none();
    if newly {
        let by = revoke.bearer.principal.to_string();
        let end = End::Revoked { reason: revoke.reason.clone(), by };
        work.end(revoke.lease_id, end, &revoke.actor, revoke.reach.on_behalf_of());
    }
    let held = within_reach(work, revoke)?;
    let lease = held.facts.lease.clone();
    let ended_at = lease.state.revocation().map_or(lease.expires_at, |revocation| revocation.at);
    Ok(Outcome::Revoked(Box::new(RevokedLease { lease, ended_at, newly })))
}

/// The lease that a revocation names, if it may end it.
fn within_reach<'w>(work: &'w mut Working, revoke: &RevokeLease) -> Result<&'w mut Held, Refusal> {
    let RevokeLease { bearer, lease_id, reach, .. } = revoke;
    if matches!(reach, Reach::Own) {
        return work.own_lease(bearer, *lease_id);
    }
    work.check_token(bearer)?;
    let held = work.leases.get_mut(lease_id).ok_or(Refusal::NotFound)?;
    match reach {
        Reach::RestingOn(organization, _) if !rests_on(held, *organization) => Err(Refusal::NotFound),
        Reach::Any | Reach::Own | Reach::RestingOn(..) => Ok(held),
    }
}

/// Whether a loaded source is the organization's.
fn rests_on(held: &Held, organization: OrganizationId) -> bool {
    held.sources.iter().flatten().any(|source| source.organization_id() == Some(organization))
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
