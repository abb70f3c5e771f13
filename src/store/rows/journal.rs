//! Rows of audit chains, their records and checkpoints. Hashes are hex.

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::Place;
use crate::{
    model::instant::Instant,
    store::{
        admin::Checkpoint,
        chain::{ChainHead, Entry, GENESIS, StoredEntry},
        error::StoreError,
    },
};

/// A chain's head.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct ChainRow {
    chain_id: String,
    seq: i64,
    hash: String,
    started_at: i64,
}

impl ChainRow {
    /// The head, whatever stands there: instead of a hash that is none it has one that no record has, so that whoever
    /// compares it with the records sees that it is wrong.
    pub(in crate::store) fn into_found(self) -> ChainHead {
        let hash = HEXLOWER.decode(self.hash.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let Self { chain_id, seq, started_at, .. } = self;
        let hash = hash.unwrap_or([0xFF; 32]);
        ChainHead { chain_id, seq, hash, started_at: Instant::from_micros(started_at) }
    }
}

impl TryFrom<ChainRow> for ChainHead {
    type Error = StoreError;

    fn try_from(row: ChainRow) -> Result<Self, StoreError> {
        let ChainRow { chain_id, seq, hash, started_at } = row;
        let corrupt = || Place { table: "audit_chains", row: &chain_id }.corrupt("hash");
        let bytes = HEXLOWER.decode(hash.as_bytes()).map_err(|_| corrupt())?;
        let hash = bytes.try_into().map_err(|_| corrupt())?;
        Ok(Self { chain_id, seq, hash, started_at: Instant::from_micros(started_at) })
    }
}

/// A record to append.
#[derive(Serialize)]
pub(in crate::store) struct EntryParameters<'a> {
    chain_id: &'a str,
    seq: i64,
    at: i64,
    event: &'static str,
    actor: &'a str,
    owner: Option<String>,
    target: Option<&'a str>,
    body: &'a str,
    hash: String,
}

impl<'a> EntryParameters<'a> {
    /// A record of a chain.
    pub(in crate::store) fn of(chain_id: &'a str, entry: &'a Entry) -> Self {
        let Entry { seq, record, body, hash } = entry;
        Self {
            chain_id,
            seq: *seq,
            at: record.at.micros(),
            event: record.event.as_str(),
            actor: &record.actor.id,
            owner: record.actor.owner.map(|owner| owner.to_string()),
            target: record.target.as_deref(),
            body,
            hash: HEXLOWER.encode(hash),
        }
    }
}

/// A record.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct EntryRow {
    chain_id: String,
    seq: i64,
    at: i64,
    event: String,
    actor: String,
    owner: Option<String>,
    target: Option<String>,
    body: String,
    hash: String,
    previous: Option<String>,
}

impl TryFrom<EntryRow> for StoredEntry {
    type Error = StoreError;

    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        let EntryRow { chain_id, seq, at, event, actor, owner, target, body, hash, previous } = row;
        let previous = previous.or_else(|| (seq == 1).then(|| HEXLOWER.encode(&GENESIS)));
        let at = Instant::from_micros(at);
        Ok(Self { chain_id, seq, at, event, actor, owner, target, body, hash, previous })
    }
}

/// A checkpoint.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct CheckpointRow {
    chain_id: String,
    seq: i64,
    hash: String,
    at: i64,
    key_id: String,
    signature: String,
    previous: Option<i64>,
}

impl TryFrom<CheckpointRow> for Checkpoint {
    type Error = StoreError;

    fn try_from(row: CheckpointRow) -> Result<Self, StoreError> {
        let CheckpointRow { chain_id, seq, hash, at, key_id, signature, previous } = row;
        let key_id = Place { table: "audit_checkpoints", row: &chain_id }.parse("key_id", &key_id)?;
        Ok(Self { chain_id, seq, hash, at: Instant::from_micros(at), previous, key_id, signature })
    }
}
