//! The working set of a batch: what was loaded, what changed, and what each mutation comes to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    clock::Clock,
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::{LeaseId, TokenId},
        instant::Instant,
        lease::{Lease, LeaseState, Revocation, Upstream},
        owner::Owner,
        principal::Principal,
        renewal::UseRefusal,
        resolution::Source,
        standing::{LeaseFacts, Standing},
        token::{TokenFacts, TokenRefusal},
    },
    store::{
        StoreError,
        backend::{NewLease, Tx, UsedKey},
        mutation::{Bearer, Mutation, Outcome, Reach, Refusal},
    },
};

use super::Decided;

/// Everything that a batch's decisions read and change.
pub(super) struct Working {
    /// The batch's one moment, read after the locks were obtained.
    pub(super) now: Instant,
    pub(super) tokens: HashMap<TokenId, TokenFacts>,
    pub(super) leases: BTreeMap<LeaseId, Held>,
    /// Leases that the sweeps of this batch found due or doubtful.
    pub(super) due: Vec<LeaseId>,
    pub(super) doubtful: Vec<LeaseId>,
    /// Whether doubts may be left after this batch.
    pub(super) more_doubts: bool,
    pub(super) used_keys: Vec<UsedKey>,
    pub(super) new_leases: Vec<NewLease>,
    pub(super) new_keys: Vec<UsedKey>,
    pub(super) quota_moves: BTreeMap<Principal, i64>,
    /// Whose counters are locked already.
    pub(super) locked_quotas: BTreeSet<Principal>,
    outcomes: Vec<Option<Result<Outcome, Refusal>>>,
    records: Vec<AuditRecord>,
}

/// A locked lease, and what became of it.
pub(super) struct Held {
    pub(super) facts: LeaseFacts,
    /// What it rests on: loaded when a mutation hands values out, or after a re-check.
    pub(super) sources: Option<Vec<Source>>,
    /// A value changed since it was last handed out.
    pub(super) rotated: bool,
    pub(super) changed: bool,
    pub(super) sources_changed: bool,
}

impl Working {
    /// Loads and locks what the mutations name, and re-checks the entitlement of every lease in doubt.
    pub(super) async fn load(
        tx: &mut dyn Tx,
        mutations: &[Mutation],
        clock: &dyn Clock,
    ) -> Result<Self, StoreError> {
        let named = Named::of(mutations);
        let before = clock.now();
        let tokens = if named.tokens.is_empty() { Vec::new() } else { tx.token_facts(&named.tokens).await? };
        let keys_since = before.plus_seconds(-KEY_LIFE_SECONDS);
        let used_keys =
            if named.keys.is_empty() { Vec::new() } else { tx.used_keys(&named.keys, keys_since).await? };
        let mut ids: BTreeSet<LeaseId> = named.leases.clone();
        ids.extend(used_keys.iter().map(|used| used.lease_id));
        let ids: Vec<LeaseId> = ids.into_iter().collect();
        let mut facts = if ids.is_empty() { Vec::new() } else { tx.lock_leases(&ids).await? };
        let due = if named.due > 0 { tx.lock_due_leases(before, named.due).await? } else { Vec::new() };
        let (doubtful, more_doubts) = match named.doubtful {
            0 => (Vec::new(), false),
            limit => tx.lock_doubtful_leases(before, limit).await?,
        };
        let mut work = Self {
            now: clock.now(),
            tokens: tokens.into_iter().map(|facts| (facts.id, facts)).collect(),
            leases: BTreeMap::new(),
            due: due.iter().map(|facts| facts.lease.id).collect(),
            doubtful: doubtful.iter().map(|facts| facts.lease.id).collect(),
            more_doubts,
            used_keys,
            new_leases: Vec::new(),
            new_keys: Vec::new(),
            quota_moves: BTreeMap::new(),
            locked_quotas: BTreeSet::new(),
            outcomes: mutations.iter().map(|_| None).collect(),
            records: Vec::new(),
        };
        facts.extend(due);
        facts.extend(doubtful);
        work.leases.extend(facts.into_iter().map(|facts| (facts.lease.id, Held::new(facts))));
        work.recheck(tx).await?;
        work.load_sources(tx, &named.with_sources).await?;
        Ok(work)
    }

    /// Decides one mutation.
    pub(super) fn settle(&mut self, position: usize, outcome: Result<Outcome, Refusal>) {
        if let Some(slot) = self.outcomes.get_mut(position) {
            *slot = Some(outcome);
        }
    }

    /// Adds an audit record.
    pub(super) fn record(&mut self, record: AuditRecord) {
        self.records.push(record);
    }

    /// The token's part of `lease_holds`.
    pub(super) fn check_token(&self, bearer: &Bearer) -> Result<(), Refusal> {
        let facts = self.tokens.get(&bearer.token_id).ok_or(Refusal::Token(TokenRefusal::Unknown))?;
        facts.stands(bearer.reading, self.now).map_err(Refusal::Token)
    }

    /// A lease that the bearer may see: its own, with every service within its scopes.
    pub(super) fn own_lease(&mut self, bearer: &Bearer, id: LeaseId) -> Result<&mut Held, Refusal> {
        self.check_token(bearer)?;
        let held = self.leases.get_mut(&id).ok_or(Refusal::NotFound)?;
        let lease = &held.facts.lease;
        if lease.is_visible_to(bearer.principal, &bearer.scopes) { Ok(held) } else { Err(Refusal::NotFound) }
    }

    /// Ends a lease that is still recorded as active, and gives its place in the quota back. Recorded for its borrower,
    /// unless the actor acts for somebody else.
    pub(super) fn end(&mut self, id: LeaseId, end: End, actor: &Actor, on_behalf_of: Option<Owner>) {
        let now = self.now;
        let Some(held) = self.leases.get_mut(&id) else { return };
        let state = std::mem::replace(&mut held.facts.lease.state, LeaseState::Expired);
        let before = state.clone();
        let (next, event) = match &end {
            End::Expired => (state.expire(), EventName::LeaseExpired),
            End::Revoked { reason, by } => {
                let revocation = Revocation { at: now, reason: reason.clone(), by: by.clone() };
                (state.revoke(revocation, Upstream::Nothing), EventName::LeaseRevoked)
            }
        };
        let lease = &mut held.facts.lease;
        lease.state = next.unwrap_or_else(|_| before.clone());
        if lease.state == before {
            return;
        }
        held.changed = true;
        *self.quota_moves.entry(lease.principal).or_default() -= 1;
        let actor = Actor { owner: Some(on_behalf_of.unwrap_or(lease.owner)), ..actor.clone() };
        let mut record = AuditRecord::success(event, &actor, id, now);
        if let End::Revoked { reason, .. } = end {
            record = record.with("reason", reason);
        }
        self.records.push(record);
    }

    /// Writes every change.
    pub(super) async fn write(&mut self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        let changed: Vec<Lease> =
            self.leases.values().filter(|held| held.changed).map(|held| held.facts.lease.clone()).collect();
        if !changed.is_empty() {
            tx.update_leases(&changed).await?;
        }
        let sources = self.changed_sources();
        if !sources.is_empty() {
            tx.update_sources(&sources).await?;
        }
        if !self.new_leases.is_empty() {
            tx.insert_leases(&self.new_leases).await?;
        }
        if !self.new_keys.is_empty() {
            tx.insert_keys(&self.new_keys, self.now).await.map_err(retry_conflict)?;
        }
        let moves: Vec<_> = self
            .quota_moves
            .iter()
            .filter(|(_, delta)| **delta != 0)
            .map(|(p, delta)| (*p, *delta))
            .collect();
        if !moves.is_empty() {
            let unlocked = moves.iter().map(|(principal, _)| *principal);
            let unlocked: Vec<_> =
                unlocked.filter(|principal| !self.locked_quotas.contains(principal)).collect();
            if !unlocked.is_empty() {
                tx.lock_quotas(&unlocked).await?;
            }
            tx.move_quotas(&moves).await?;
        }
        Ok(())
    }

    /// What the batch comes to.
    pub(super) fn into_decided(self) -> Decided {
        // Every kind of mutation is decided by one of the steps; a gap would be a fault of this folder.
        let outcomes =
            self.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Ok(Outcome::Done))).collect();
        Decided { outcomes, records: self.records }
    }

    /// Re-checks the entitlement of stale leases: still entitled by the same sources, they go on with today's epochs;
    /// else they are revoked.
    async fn recheck(&mut self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        let stale: Vec<LeaseId> = self
            .leases
            .iter()
            .filter(|(_, held)| held.facts.standing(self.now) == Standing::Recheck)
            .map(|(id, _)| *id)
            .collect();
        if stale.is_empty() {
            return Ok(());
        }
        let mut entitled: BTreeMap<LeaseId, Option<Vec<Source>>> =
            stale.iter().map(|id| (*id, Some(Vec::new()))).collect();
        let mut rotated = BTreeSet::new();
        for (id, source, entitlement) in tx.entitlements(&stale).await? {
            let version = entitlement.credential.as_ref().map(|credential| credential.version);
            if version.is_some_and(|version| version != source.credential_version) {
                rotated.insert(id);
            }
            let renewed = entitlement.renewed_source(&source);
            if let Some(sources) = entitled.get_mut(&id) {
                *sources = sources.take().zip(renewed).map(|(mut all, one)| {
                    all.push(one);
                    all
                });
            }
        }
        for (id, sources) in entitled {
            self.apply_recheck(id, sources.filter(|sources| !sources.is_empty()), rotated.contains(&id));
        }
        Ok(())
    }

    fn apply_recheck(&mut self, id: LeaseId, sources: Option<Vec<Source>>, rotated: bool) {
        let Some(sources) = sources else {
            let reason = UseRefusal::EntitlementLost.as_str().to_owned();
            return self.end(id, End::Revoked { reason, by: "system".to_owned() }, &Actor::system(), None);
        };
        if let Some(held) = self.leases.get_mut(&id) {
            held.facts.stale = false;
            held.sources = Some(sources);
            held.rotated = rotated;
            // A changed value stays in doubt until it is handed out: else a borrower would never hear of it.
            held.sources_changed = !rotated;
        }
    }

    async fn load_sources(&mut self, tx: &mut dyn Tx, wanted: &BTreeSet<LeaseId>) -> Result<(), StoreError> {
        let replayed = self.used_keys.iter().map(|used| used.lease_id);
        let wanted: BTreeSet<LeaseId> = wanted.iter().copied().chain(replayed).collect();
        let missing: Vec<LeaseId> = wanted
            .into_iter()
            .filter(|id| self.leases.get(id).is_some_and(|held| held.sources.is_none()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        for (id, source) in tx.sources(&missing).await? {
            if let Some(held) = self.leases.get_mut(&id) {
                held.sources.get_or_insert_default().push(source);
            }
        }
        Ok(())
    }

    fn changed_sources(&self) -> Vec<(LeaseId, Source)> {
        let changed = self.leases.values().filter(|held| held.sources_changed);
        changed
            .flat_map(|held| {
                held.sources.iter().flatten().map(|source| (held.facts.lease.id, source.clone()))
            })
            .collect()
    }
}

impl Held {
    pub(super) const fn new(facts: LeaseFacts) -> Self {
        Self { facts, sources: None, rotated: false, changed: false, sources_changed: false }
    }

    /// Its values go out with this answer: what was re-checked is stored with today's versions.
    pub(super) fn hand_out(&mut self) -> Vec<Source> {
        self.sources_changed |= self.rotated;
        self.sources.clone().unwrap_or_default()
    }

    /// Why the lease does not hold, if it does not.
    pub(super) fn refusal(&self, now: Instant) -> Option<UseRefusal> {
        let lost = UseRefusal::EntitlementLost;
        match self.facts.revocation() {
            Some(revocation) if revocation.reason == lost.as_str() => Some(lost),
            _ => self.facts.standing(now).refusal(),
        }
    }
}

/// How a lease ends.
pub(super) enum End {
    Expired,
    Revoked { reason: String, by: String },
}

/// Another process inserted the same key since this batch looked: look again.
fn retry_conflict(error: StoreError) -> StoreError {
    match error {
        StoreError::Conflict { .. } => StoreError::Serialization(std::sync::Arc::new(error)),
        other => other,
    }
}

/// What the mutations of a batch name.
#[derive(Default)]
struct Named {
    tokens: Vec<TokenId>,
    leases: BTreeSet<LeaseId>,
    with_sources: BTreeSet<LeaseId>,
    keys: Vec<(Principal, String)>,
    due: u16,
    doubtful: u16,
}

impl Named {
    fn of(mutations: &[Mutation]) -> Self {
        let mut named = Self::default();
        for mutation in mutations {
            named.add(mutation);
        }
        named.tokens.sort_unstable();
        named.tokens.dedup();
        named.keys.sort_unstable();
        named.keys.dedup();
        named
    }

    fn add(&mut self, mutation: &Mutation) {
        match mutation {
            Mutation::CheckLease(check) => {
                self.tokens.push(check.bearer.token_id);
                self.leases.insert(check.lease_id);
            }
            Mutation::CreateLease(create) => {
                self.tokens.push(create.bearer.token_id);
                let key = create.idempotency.as_ref().map(|used| (create.bearer.principal, used.key.clone()));
                self.keys.extend(key);
            }
            Mutation::ExpireLeases(sweep) => self.due = self.due.saturating_add(sweep.limit),
            Mutation::ReadCredentials(read) => {
                self.tokens.push(read.bearer.token_id);
                self.leases.insert(read.lease_id);
                self.with_sources.insert(read.lease_id);
            }
            Mutation::RecheckLeases(sweep) => self.doubtful = self.doubtful.saturating_add(sweep.limit),
            Mutation::RenewLease(renew) => {
                self.tokens.push(renew.bearer.token_id);
                self.leases.insert(renew.lease_id);
                if renew.with_sources {
                    self.with_sources.insert(renew.lease_id);
                }
            }
            Mutation::RevokeLease(revoke) => {
                self.tokens.push(revoke.bearer.token_id);
                self.leases.insert(revoke.lease_id);
                if matches!(revoke.reach, Reach::RestingOn(..)) {
                    self.with_sources.insert(revoke.lease_id);
                }
            }
            Mutation::UseToken(used) => self.tokens.push(used.token_id),
            Mutation::Administer(_)
            | Mutation::IssueToken(_)
            | Mutation::PutCheckpoint(_)
            | Mutation::Record(_)
            | Mutation::RevokeToken(_) => {}
        }
    }
}

/// How long an idempotency key stands.
pub(super) const KEY_LIFE_SECONDS: i64 = 86_400;
