//! The audit chain: each record's hash covers the hash before it, so that change, removal and reorder show.
//!
//! `hash(n) = SHA-256(hash(n-1) ‖ body(n))`, `hash(0)` is 32 zero bytes, and a body is the record as compact JSON with
//! its chain and number in it, stored verbatim. One chain per process start.

use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{audit::AuditRecord, instant::Instant};

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// The chain's id, as text.
    pub chain_id: String,
    /// How many records it has.
    pub seq: i64,
    /// The last record's hash.
    pub hash: [u8; 32],
    /// When it began.
    pub started_at: Instant,
}

/// A chained record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// The record, for the columns that queries use.
    pub record: AuditRecord,
    /// The record, as hashed.
    pub body: String,
    /// Its hash.
    pub hash: [u8; 32],
}

/// A record as it is stored: what was hashed, and the columns that queries use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its chain.
    pub chain_id: String,
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// When.
    pub at: Instant,
    /// What.
    pub event: String,
    /// Who.
    pub actor: String,
    /// Whose rows were touched.
    pub owner: Option<String>,
    /// What it happened to.
    pub target: Option<String>,
    /// The record, as hashed.
    pub body: String,
    /// Its hash, in hex.
    pub hash: String,
    /// The hash of the record before it, in hex; none when that one is not there.
    pub previous: Option<String>,
}

impl ChainHead {
    /// A chain without records.
    #[must_use]
    pub const fn new(chain_id: String, started_at: Instant) -> Self {
        Self { chain_id, seq: 0, hash: GENESIS, started_at }
    }

    /// Chains records after this head; answers the entries and the new head.
    #[must_use]
    pub fn extend(&self, records: Vec<AuditRecord>) -> (Vec<Entry>, Self) {
        let mut head = self.clone();
        let chain = |record| {
            let seq = head.seq + 1;
            let body = body(&head.chain_id, seq, &record);
            let hash = next_hash(&head.hash, &body);
            (head.seq, head.hash) = (seq, hash);
            Entry { seq, record, body, hash }
        };
        let entries = records.into_iter().map(chain).collect();
        (entries, head)
    }
}

/// The hash of a record's body after the hash before it.
#[must_use]
pub fn next_hash(before: &[u8; 32], body: &str) -> [u8; 32] {
    let mut input = Vec::with_capacity(32 + body.len());
    input.extend_from_slice(before);
    input.extend_from_slice(body.as_bytes());
    let mut hash = GENESIS;
    hash.copy_from_slice(digest(&SHA256, &input).as_ref());
    hash
}

/// What a conflict is called that says that a head is not where its writer left it.
pub(super) const CHAIN_HEAD: &str = "audit_chains_head";
/// The hash before the first record.
pub const GENESIS: [u8; 32] = [0; 32];

#[derive(Serialize)]
struct Body<'a> {
    chain: &'a str,
    seq: i64,
    at: String,
    event: &'a str,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    details: &'a Map<String, Value>,
}

fn body(chain: &str, seq: i64, record: &AuditRecord) -> String {
    let AuditRecord { at, event, actor, target, refusal, details } = record;
    let body = Body {
        chain,
        seq,
        at: at.to_string(),
        event: event.as_str(),
        actor: &actor.id,
        token: actor.token_id.map(|id| id.to_string()),
        owner: actor.owner.map(|owner| owner.to_string()),
        target: target.as_deref(),
        refusal: refusal.as_deref(),
        address: actor.address.as_deref(),
        request_id: actor.request_id.as_deref(),
        details,
    };
    #[expect(clippy::expect_used, reason = "text, numbers and a map with text keys always serialise")]
    serde_json::to_string(&body).expect("a record serialises")
}
