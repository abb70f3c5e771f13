//! What callers were told, and whether a broker still says so.

use std::{collections::BTreeMap, fmt, sync::Arc};

use leasehold::model::instant::Instant;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::harness::{Broker, Caller, Failure, Site, Way};

/// Acknowledged outcomes, by lease.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<String, Entry>);

/// What is known of one lease.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Whose it is.
    token: String,
    /// Acknowledged.
    pub(super) renewals: u64,
    /// Asked for; the last one may have been done without an answer.
    pub(super) renewals_tried: u64,
    /// As last acknowledged.
    pub(super) expires_at: Instant,
    /// Acknowledged.
    pub(super) revoked: bool,
    /// Asked for.
    pub(super) revocation_tried: bool,
}

impl Entry {
    /// A lease just granted.
    pub(super) fn created(token: &str, expires_at: Instant) -> Self {
        let token = token.to_owned();
        Self { token, renewals: 0, renewals_tried: 0, expires_at, revoked: false, revocation_tried: false }
    }
}

impl Ledger {
    pub(super) fn insert(&mut self, id: String, entry: Entry) {
        let before = self.0.insert(id, entry);
        assert!(before.is_none(), "an id was given out twice");
    }

    pub(super) fn entry(&mut self, id: &str) -> &mut Entry {
        self.0.get_mut(id).expect("an entry")
    }

    /// Leases that nobody tried to revoke.
    pub(super) fn live(&self) -> Vec<&String> {
        self.0.iter().filter(|(_, entry)| !entry.revocation_tried).map(|(id, _)| id).collect()
    }

    pub(super) fn leases(&self) -> usize {
        self.0.len()
    }

    pub(super) fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(id, entry)| self.insert(id, entry));
    }

    /// Asks a broker for every lease.
    pub(super) async fn check(&self, broker: &Broker, way: Way) {
        let caller = broker.caller(way, "").await;
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut checks = JoinSet::new();
        for (id, entry) in &self.0 {
            let (id, entry, room) = (id.clone(), entry.clone(), Arc::clone(&room));
            let caller = caller.with_token(&entry.token);
            checks.spawn(async move {
                let _place = room.acquire().await.expect("a place");
                entry.check(&caller, &id).await;
            });
        }
        checks.join_all().await;
    }

    /// Looks for the audit record of everything that was acknowledged.
    pub(super) async fn check_records(&self, site: &Site) {
        let count = async |event: &str| {
            let sql =
                format!("SELECT target FROM audit_records WHERE event = '{event}' AND target IS NOT NULL");
            let mut counts = BTreeMap::<String, u64>::new();
            site.texts(&sql).await.into_iter().for_each(|id| *counts.entry(id).or_default() += 1);
            counts
        };
        let [created, renewed, revoked] =
            [count("lease_created").await, count("lease_renewed").await, count("lease_revoked").await];
        for (id, entry) in &self.0 {
            let of = |counts: &BTreeMap<String, u64>| counts.get(id).copied().unwrap_or_default();
            assert_eq!(of(&created), 1, "{id}: one record of its creation");
            assert!((entry.renewals..=entry.renewals_tried).contains(&of(&renewed)), "{id}: {entry:?}");
            let revocations = u64::from(entry.revoked)..=u64::from(entry.revocation_tried);
            assert!(revocations.contains(&of(&revoked)), "{id}: {entry:?}");
        }
    }
}

impl Entry {
    async fn check(&self, caller: &Caller, id: &str) {
        let shown = caller.show(id).await.unwrap_or_else(|failure| panic!("{id} is not shown: {failure:?}"));
        let renewals = self.renewals..=self.renewals_tried;
        assert!(renewals.contains(&shown.renewal_count), "{id}: {shown:?}, acknowledged {self:?}");
        assert!(shown.expires_at >= self.expires_at, "{id}: {shown:?}, acknowledged {self:?}");
        if shown.status == "revoked" {
            assert!(self.revocation_tried, "{id} was revoked by nobody");
            let refused = Err(Failure::Refused("lease_revoked".to_owned()));
            assert_eq!(caller.renew(id).await.map(drop), refused, "{id}: a renewal");
            assert_eq!(caller.read(id).await, refused, "{id}: a reading");
        } else {
            assert_eq!(shown.status, "active", "{id}");
            assert!(!self.revoked, "{id} was revoked, and is active again");
            assert_eq!(caller.read(id).await, Ok(()), "{id}: a reading");
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let renewals: u64 = self.0.values().map(|entry| entry.renewals).sum();
        let revoked = self.0.values().filter(|entry| entry.revoked).count();
        write!(f, "{} leases, {renewals} renewals and {revoked} revocations acknowledged", self.0.len())
    }
}

const AT_ONCE: usize = 16;
