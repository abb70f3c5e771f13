//! Creates: the idempotency key's lease, a lease to share, or a new one under the quota.
//!
//! The principals' counters are locked before anything is looked up, so that creates of one principal are decided one
//! after the other whichever process they come from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::LeaseId,
        instant::Instant,
        lease::Lease,
        owner::Owner,
        principal::Principal,
        resolution::Source,
        standing::{LeaseFacts, Standing},
    },
    store::{
        StoreError,
        backend::{NewLease, Tx, UsedKey},
        mutation::{CreateLease, CreatedLease, LeaseOrigin, Mutation, Outcome, Refusal},
    },
};

use super::working::{End, Held, Working};

/// Decides every create of the batch.
pub(super) async fn decide(
    work: &mut Working,
    tx: &mut dyn Tx,
    mutations: &[Mutation],
) -> Result<(), StoreError> {
    let creates: Vec<(usize, &CreateLease)> = mutations
        .iter()
        .enumerate()
        .filter_map(|(position, mutation)| match mutation {
            Mutation::CreateLease(create) => Some((position, &**create)),
            _ => None,
        })
        .collect();
    if creates.is_empty() {
        return Ok(());
    }
    let mut desk = Desk::load(work, tx, &creates).await?;
    for (position, create) in creates {
        let outcome = desk.decide(work, create);
        if let Err(refusal) = &outcome {
            record_refusal(work, create, *refusal);
        }
        work.settle(position, outcome.map(|created| Outcome::Created(Box::new(created))));
    }
    Ok(())
}

/// Leases that may be shared, by principal and reuse key, newest first.
type Reusable = BTreeMap<(Principal, String), Vec<(LeaseFacts, Vec<Source>)>>;

/// What creates are decided on.
struct Desk {
    revisions: HashMap<Owner, i64>,
    live: BTreeMap<Principal, i64>,
    reusable: Reusable,
}

impl Desk {
    async fn load(
        work: &mut Working,
        tx: &mut dyn Tx,
        creates: &[(usize, &CreateLease)],
    ) -> Result<Self, StoreError> {
        let principals: BTreeSet<Principal> =
            creates.iter().map(|(_, create)| create.bearer.principal).collect();
        let principals: Vec<Principal> = principals.into_iter().collect();
        let live: BTreeMap<Principal, i64> = tx.lock_quotas(&principals).await?.into_iter().collect();
        work.locked_quotas.extend(&principals);
        let full = full_principals(work, &live, creates);
        if !full.is_empty() {
            end_due_leases(work, tx, &full).await?;
        }
        let owners: BTreeSet<Owner> =
            creates.iter().flat_map(|(_, create)| create.revisions.iter().map(|(owner, _)| *owner)).collect();
        let owners: Vec<Owner> = owners.into_iter().collect();
        let revisions = tx.revisions(&owners).await?.into_iter().collect();
        let reusable = load_reusable(work, tx, creates).await?;
        Ok(Self { revisions, live, reusable })
    }

    fn decide(&mut self, work: &mut Working, create: &CreateLease) -> Result<CreatedLease, Refusal> {
        work.check_token(&create.bearer)?;
        if let Some(replayed) = replay(work, create)? {
            record_handing_out(work, create, &replayed.lease, "idempotency_key");
            return Ok(replayed);
        }
        if create.sources.is_empty() {
            return Err(Refusal::NothingToLend);
        }
        if create.revisions.iter().any(|(owner, revision)| self.revisions.get(owner) != Some(revision)) {
            return Err(Refusal::Moved);
        }
        if let Some(slot) = slot(create)
            && let Some(reused) =
                self.reusable.get(&slot).and_then(|found| shareable(found, create, work.now))
        {
            record_handing_out(work, create, &reused.lease, "reuse");
            remember_key(work, create, reused.lease.id);
            return Ok(reused);
        }
        self.insert(work, create)
    }

    fn insert(&mut self, work: &mut Working, create: &CreateLease) -> Result<CreatedLease, Refusal> {
        let principal = create.bearer.principal;
        let live = self.live.entry(principal).or_default();
        // Leases that this batch ends give their places back at once.
        if *live + work.quota_moves.get(&principal).copied().unwrap_or_default() >= create.max_live {
            return Err(Refusal::QuotaExceeded);
        }
        *work.quota_moves.entry(principal).or_default() += 1;
        let lease = create.lease.clone();
        if let Some(slot) = slot(create) {
            let facts = LeaseFacts {
                lease: lease.clone(),
                fenced: false,
                holder_gone: false,
                stale: false,
                values_expire_at: None,
            };
            self.reusable.entry(slot).or_default().push((facts, create.sources.clone()));
        }
        work.new_leases.push(NewLease {
            lease: lease.clone(),
            sources: create.sources.clone(),
            reuse_key: create.reuse_key.clone(),
        });
        remember_key(work, create, lease.id);
        work.record(created_record(create, &lease, work.now));
        Ok(CreatedLease { lease, sources: create.sources.clone(), origin: LeaseOrigin::New })
    }
}

/// Marks what ran out of the leases of principals whose counter says full, so that none is refused for a late sweep.
async fn end_due_leases(work: &mut Working, tx: &mut dyn Tx, full: &[Principal]) -> Result<(), StoreError> {
    let due = tx.lock_due_leases_of(full, work.now).await?;
    let ids: Vec<LeaseId> = due.iter().map(|facts| facts.lease.id).collect();
    for facts in due {
        // What this batch holds already is known better there.
        work.leases.entry(facts.lease.id).or_insert_with(|| Held::new(facts));
    }
    let now = work.now;
    for id in ids {
        if work.leases.get(&id).is_some_and(|held| held.facts.standing(now) == Standing::Expired) {
            work.end(id, End::Expired, &Actor::system(), None);
        }
    }
    Ok(())
}

/// The principals whose counter says full.
fn full_principals(
    work: &Working,
    live: &BTreeMap<Principal, i64>,
    creates: &[(usize, &CreateLease)],
) -> Vec<Principal> {
    let mut wanted: BTreeMap<Principal, (i64, i64)> = BTreeMap::new();
    for (_, create) in creates {
        let entry = wanted.entry(create.bearer.principal).or_insert((0, create.max_live));
        entry.0 += 1;
    }
    let is_full = |(principal, (more, max)): &(&Principal, &(i64, i64))| {
        let moved = work.quota_moves.get(principal).copied().unwrap_or_default();
        live.get(principal).copied().unwrap_or_default() + moved + *more > *max
    };
    wanted.iter().filter(is_full).map(|(principal, _)| *principal).collect()
}

async fn load_reusable(
    work: &Working,
    tx: &mut dyn Tx,
    creates: &[(usize, &CreateLease)],
) -> Result<Reusable, StoreError> {
    let keys: BTreeSet<(Principal, String)> = creates.iter().filter_map(|(_, create)| slot(create)).collect();
    let mut found = Reusable::new();
    if keys.is_empty() {
        return Ok(found);
    }
    let keys: Vec<_> = keys.into_iter().collect();
    let candidates = tx.reusable_leases(&keys, work.now).await?;
    let ids: Vec<LeaseId> = candidates.iter().map(|(_, _, id)| *id).collect();
    let mut facts: HashMap<LeaseId, LeaseFacts> =
        tx.lease_facts(&ids).await?.into_iter().map(|facts| (facts.lease.id, facts)).collect();
    let mut sources: HashMap<LeaseId, Vec<Source>> = HashMap::new();
    for (id, source) in tx.sources(&ids).await? {
        sources.entry(id).or_default().push(source);
    }
    for (principal, key, id) in candidates {
        // A lease that this batch just ended or renewed is known better here.
        let current = work.leases.get(&id).map(|held| held.facts.clone()).or_else(|| facts.remove(&id));
        if let Some((facts, sources)) = current.zip(sources.remove(&id)) {
            found.entry((principal, key)).or_default().push((facts, sources));
        }
    }
    Ok(found)
}

/// Which leases answer the request; none for one that wants a lease of its own.
fn slot(create: &CreateLease) -> Option<(Principal, String)> {
    create.reuse_key.clone().map(|key| (create.bearer.principal, key))
}

fn shareable(
    found: &[(LeaseFacts, Vec<Source>)],
    create: &CreateLease,
    now: Instant,
) -> Option<CreatedLease> {
    let fits = |facts: &LeaseFacts| {
        let lease = &facts.lease;
        let half_life = i64::from(lease.ttl.seconds()) * 1_000_000 / 2;
        facts.standing(now) == Standing::Holds
            && is_visible(lease, create)
            && lease.expires_at.micros_since(now) >= half_life
            && lease.renewals_remaining() > 0
    };
    let (facts, sources) = found.iter().find(|(facts, _)| fits(facts))?;
    Some(CreatedLease { lease: facts.lease.clone(), sources: sources.clone(), origin: LeaseOrigin::Reused })
}

fn replay(work: &Working, create: &CreateLease) -> Result<Option<CreatedLease>, Refusal> {
    let Some(idempotency) = &create.idempotency else { return Ok(None) };
    let principal = create.bearer.principal;
    let matches = |used: &&UsedKey| used.principal == principal && used.idempotency.key == idempotency.key;
    let Some(used) = work.used_keys.iter().chain(&work.new_keys).find(matches) else { return Ok(None) };
    if used.idempotency.digest != idempotency.digest {
        return Err(Refusal::IdempotencyKeyReused);
    }
    // The same request of a token that may see less now is another request.
    let visible =
        |lease: &Lease| if is_visible(lease, create) { Ok(()) } else { Err(Refusal::IdempotencyKeyReused) };
    let origin = LeaseOrigin::Replayed;
    if let Some(new) = work.new_leases.iter().find(|new| new.lease.id == used.lease_id) {
        visible(&new.lease)?;
        return Ok(Some(CreatedLease { lease: new.lease.clone(), sources: new.sources.clone(), origin }));
    }
    let held = work.leases.get(&used.lease_id).filter(|held| held.refusal(work.now).is_none());
    let held = held.ok_or(Refusal::LeaseEnded)?;
    visible(&held.facts.lease)?;
    let sources = held.sources.clone().unwrap_or_default();
    Ok(Some(CreatedLease { lease: held.facts.lease.clone(), sources, origin }))
}

/// Values never go to a bearer whose scopes would not let it see the lease.
fn is_visible(lease: &Lease, create: &CreateLease) -> bool {
    lease.is_visible_to(create.bearer.principal, &create.bearer.scopes)
}

/// A lease found hands its values out once more: that is recorded as any reading of them.
fn record_handing_out(work: &mut Working, create: &CreateLease, lease: &Lease, found_by: &str) {
    let record = AuditRecord::success(EventName::CredentialRead, &create.actor, lease.id, work.now);
    work.record(record.with("found_by", found_by));
}

fn remember_key(work: &mut Working, create: &CreateLease, lease_id: LeaseId) {
    if let Some(idempotency) = create.idempotency.clone() {
        work.new_keys.push(UsedKey { principal: create.bearer.principal, idempotency, lease_id });
    }
}

fn created_record(create: &CreateLease, lease: &Lease, now: Instant) -> AuditRecord {
    let services: Vec<String> = lease.services.iter().map(ToString::to_string).collect();
    let credentials: Vec<String> =
        create.sources.iter().map(|source| source.credential_id.to_string()).collect();
    AuditRecord::success(EventName::LeaseCreated, &create.actor, lease.id, now)
        .with("services", services)
        .with("credentials", credentials)
        .with("server_id", lease.server_id.clone())
        .with("ttl", lease.ttl.seconds())
}

fn record_refusal(work: &mut Working, create: &CreateLease, refusal: Refusal) {
    let code = match refusal {
        Refusal::QuotaExceeded => "quota_exceeded",
        Refusal::IdempotencyKeyReused => "idempotency_key_reused",
        Refusal::LeaseEnded => "lease_ended",
        // The rest is answered by trying again, or is an authentication failure and counted there.
        _ => return,
    };
    work.record(AuditRecord::refusal(EventName::LeaseDenied, &create.actor, None, code, work.now));
}
