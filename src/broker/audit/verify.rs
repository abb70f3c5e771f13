//! Verifying chains: every record, every head, every checkpoint, and what was kept of them outside of the database.
//!
//! | tampering | shows by |
//! |---|---|
//! | a record changed, removed, put in, or moved | its hash, its number, what its own text says of both |
//! | a chain cut off | its head, its checkpoints, later chains that saw it, checkpoints kept outside |
//! | a chain gone, or two swapped | later chains, the chain's name in each record, checkpoints kept outside |
//! | a checkpoint forged | its signature; a key that no record tells of |
//! | a checkpoint removed, or signed again | the one after it, which names it; checkpoints kept outside |

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde_json::Value;

use crate::{
    broker::Error,
    keyring::signing::VerifyingKey,
    model::id::SigningKeyId,
    store::{
        admin::Checkpoint,
        backend::Backend,
        chain::{ChainHead, GENESIS, StoredEntry, next_hash},
    },
};

use super::checkpoint::{CheckpointFile, CheckpointLine, is_signed_by};

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Chains looked at.
    pub chains: u64,
    /// Records looked at.
    pub records: u64,
    /// What is wrong and where, a line each; empty when all is well.
    pub faults: Vec<String>,
}

/// Checks every chain of a database, and what a file of checkpoints says that it must hold.
///
/// # Errors
/// What the database said.
pub async fn verify(
    rows: &dyn Backend,
    keys: &[VerifyingKey],
    kept: &CheckpointFile,
) -> Result<Verification, Error> {
    let mut audit = Audit::new(rows, keys, kept);
    let heads = rows.list_chains().await?;
    for head in &heads {
        audit.found.chains += 1;
        audit.chain(head).await?;
        audit.seen(head, &heads).await?;
    }
    for chain in rows.list_headless_chains().await? {
        // A chain that began after the heads were read has one by now.
        if !rows.list_chains().await?.iter().any(|head| head.chain_id == chain) {
            audit.fault(&chain, "its head was removed");
        }
    }
    audit.kept_lines(&heads);
    audit.announcements();
    Ok(audit.found)
}

/// Checks the ends of the youngest chains alone: the last record of each, and its newest checkpoint. Quick, whatever the
/// size of the log.
///
/// # Errors
/// What the database said.
pub async fn quick_check(rows: &dyn Backend, keys: &[VerifyingKey]) -> Result<Verification, Error> {
    let kept = CheckpointFile::default();
    let mut audit = Audit::new(rows, keys, &kept);
    let checkpoints = rows.newest_checkpoints(CHAINS_LOOKED_AT).await?;
    let mut heads = rows.list_chains().await?;
    heads.sort_by_key(|head| std::cmp::Reverse(head.started_at));
    for head in heads.iter().take(CHAINS_LOOKED_AT.into()) {
        audit.found.chains += 1;
        let last = rows.read_chain(&head.chain_id, head.seq - 1, 1).await?.pop();
        audit.found.records += u64::from(last.is_some());
        if last.is_none_or(|last| last.seq != head.seq || last.hash != HEXLOWER.encode(&head.hash)) {
            audit.fault(&head.chain_id, &format!("the head names record {}, which is not there", head.seq));
        }
        for checkpoint in checkpoints.iter().filter(|checkpoint| checkpoint.chain_id == head.chain_id) {
            let covered = rows.read_chain(&head.chain_id, checkpoint.seq - 1, 1).await?.pop();
            audit.covers(checkpoint, covered.as_ref());
            audit.signature(checkpoint);
        }
    }
    Ok(audit.found)
}

/// Whether the database holds what checkpoints kept outside say that it must: a line for each chain that is gone, shorter,
/// or another one. Reads a record for each line.
///
/// # Errors
/// What the database said.
pub async fn compare_heads(rows: &dyn Backend, kept: &[CheckpointLine]) -> Result<Vec<String>, Error> {
    let heads = rows.list_chains().await?;
    let mut missing = Vec::new();
    for line in kept {
        let chain = &line.chain;
        let Some(head) = heads.iter().find(|head| head.chain_id == *chain) else {
            missing.push(format!("{chain}: not there; it had {} records at {}", line.seq, line.at));
            continue;
        };
        if head.seq < line.seq {
            missing.push(format!("{chain}: {} records; it had {} at {}", head.seq, line.seq, line.at));
            continue;
        }
        let record = rows.read_chain(chain, line.seq - 1, 1).await?.pop();
        if record.is_none_or(|record| record.seq != line.seq || record.hash != line.hash) {
            missing.push(format!("{chain}: record {} is another one than at {}", line.seq, line.at));
        }
    }
    Ok(missing)
}

/// A verification under way.
struct Audit<'a> {
    rows: &'a dyn Backend,
    keys: &'a [VerifyingKey],
    kept: &'a CheckpointFile,
    /// The hashes that the lines kept outside say, by chain and number.
    kept_hashes: BTreeMap<(&'a str, i64), &'a str>,
    /// Signing keys that a record tells of.
    announced: BTreeSet<String>,
    /// A chain could not be read to its end.
    cut_short: bool,
    found: Verification,
}

/// Where the reading of a chain stands.
struct Reading {
    seq: i64,
    hash: [u8; 32],
}

impl<'a> Audit<'a> {
    fn new(rows: &'a dyn Backend, keys: &'a [VerifyingKey], kept: &'a CheckpointFile) -> Self {
        let hashes = kept.lines.iter().map(|line| ((line.chain.as_str(), line.seq), line.hash.as_str()));
        Self {
            rows,
            keys,
            kept,
            kept_hashes: hashes.collect(),
            announced: BTreeSet::new(),
            cut_short: false,
            found: Verification::default(),
        }
    }

    fn fault(&mut self, chain: &str, what: &str) {
        self.found.faults.push(format!("{chain}: {what}"));
    }

    async fn chain(&mut self, head: &ChainHead) -> Result<(), Error> {
        let chain = head.chain_id.as_str();
        let mut checkpoints = self.checkpoints(chain).await?;
        let mut reading = Reading { seq: 0, hash: GENESIS };
        loop {
            let page = self.rows.read_chain(chain, reading.seq, PAGE).await?;
            let Some(last) = page.last().map(|entry| entry.seq) else { break };
            // The chain may grow while it is read: what lies beyond the head as first read is another verification's.
            for entry in page.iter().take_while(|entry| entry.seq <= head.seq) {
                self.found.records += 1;
                if !self.record(chain, &mut reading, entry) {
                    self.cut_short = true;
                    return Ok(());
                }
                if let Some(checkpoint) = checkpoints.remove(&entry.seq) {
                    self.covers(&checkpoint, Some(entry));
                }
            }
            if last > head.seq {
                self.beyond(head, last).await?;
                break;
            }
        }
        if reading.seq != head.seq || reading.hash != head.hash {
            let what = format!("the head says {} records, found {}", head.seq, reading.seq);
            self.fault(chain, &what);
        }
        for checkpoint in checkpoints.values().filter(|checkpoint| checkpoint.seq > reading.seq) {
            let what = format!("cut off after {}; a signed head says {}", reading.seq, checkpoint.seq);
            self.fault(chain, &what);
        }
        Ok(())
    }

    /// Checks one record after what was read; false when nothing that follows can be judged.
    fn record(&mut self, chain: &str, reading: &mut Reading, entry: &StoredEntry) -> bool {
        let number = entry.seq;
        if number != reading.seq + 1 {
            self.fault(chain, &format!("record {} is missing", reading.seq + 1));
        }
        let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let (of, at) = (text("chain").unwrap_or("no chain"), body.get("seq").and_then(Value::as_i64));
        if of != chain || at != Some(number) {
            let at = at.map_or_else(|| "none".to_owned(), |at| at.to_string());
            self.fault(chain, &format!("record {number} is out of place: it was written as {at} of {of}"));
        }
        reading.hash = next_hash(&reading.hash, &entry.body);
        reading.seq = number;
        if HEXLOWER.encode(&reading.hash) != entry.hash {
            self.fault(chain, &format!("record {number} was changed, or one before it"));
            return false;
        }
        let columns = [
            ("at", Some(entry.at.to_string()), text("at")),
            ("event", Some(entry.event.clone()), text("event")),
            ("actor", Some(entry.actor.clone()), text("actor")),
            ("owner", entry.owner.clone(), text("owner")),
            ("target", entry.target.clone(), text("target")),
        ];
        for (name, column, told) in columns {
            if column.as_deref() != told {
                self.fault(chain, &format!("the column `{name}` of record {number} was changed"));
            }
        }
        if text("event") == Some("key_rotated")
            && body.pointer("/details/kind").and_then(Value::as_str) == Some("signing")
        {
            self.announced.extend(entry.target.clone());
        }
        if self.kept_hashes.get(&(chain, number)).is_some_and(|hash| *hash != entry.hash) {
            self.fault(
                chain,
                &format!("record {number} is another one than the checkpoint kept outside covers"),
            );
        }
        true
    }

    /// Records behind the head: the chain grew meanwhile, or they were put there.
    async fn beyond(&mut self, head: &ChainHead, last: i64) -> Result<(), Error> {
        let now = self.rows.list_chains().await?;
        let grown = now.iter().any(|present| present.chain_id == head.chain_id && present.seq >= last);
        if !grown {
            self.fault(
                &head.chain_id,
                &format!("record {last} stands behind the head, which says {}", head.seq),
            );
        }
        Ok(())
    }

    /// A chain's checkpoints by the record that they cover, each with a good signature, and none missing in between.
    async fn checkpoints(&mut self, chain: &str) -> Result<BTreeMap<i64, Checkpoint>, Error> {
        let mut all = BTreeMap::new();
        let mut before = 0;
        loop {
            let page = self.rows.list_checkpoints(chain, before, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for checkpoint in page {
                self.signature(&checkpoint);
                let gap = checkpoint.previous.filter(|previous| *previous != before);
                if let Some(previous) = gap {
                    let what = format!(
                        "the checkpoint at {previous} was removed; the one at {} names it",
                        checkpoint.seq
                    );
                    self.fault(chain, &what);
                }
                before = checkpoint.seq;
                all.insert(checkpoint.seq, checkpoint);
            }
        }
        self.kept_checkpoints(chain, &all);
        Ok(all)
    }

    /// What was kept of a chain's checkpoints must be in the database, as it was.
    fn kept_checkpoints(&mut self, chain: &str, stored: &BTreeMap<i64, Checkpoint>) {
        let kept = self.kept;
        for line in kept.lines.iter().filter(|line| line.chain == chain) {
            match stored.get(&line.seq) {
                None => self.fault(chain, &format!("the checkpoint at {} was removed", line.seq)),
                Some(stored) if *stored != line.checkpoint() => {
                    self.fault(chain, &format!("the checkpoint at {} was replaced by another", line.seq));
                }
                Some(_) => {}
            }
        }
    }

    fn covers(&mut self, checkpoint: &Checkpoint, entry: Option<&StoredEntry>) {
        if entry.is_none_or(|entry| entry.hash != checkpoint.hash) {
            self.fault(
                &checkpoint.chain_id,
                &format!("record {} differs from its signed head", checkpoint.seq),
            );
        }
    }

    fn signature(&mut self, checkpoint: &Checkpoint) {
        let Checkpoint { chain_id, seq, key_id, .. } = checkpoint;
        match self.keys.iter().find(|key| key.id() == *key_id) {
            None => {
                self.fault(chain_id, &format!("the head at {seq} is signed by {key_id}, which is not there"));
            }
            Some(key) if !is_signed_by(checkpoint, key) => {
                self.fault(chain_id, &format!("the signature of the head at {seq} is wrong"));
            }
            Some(_) => {}
        }
    }

    /// The lines kept outside: of chains that must be there, with signatures of the keys that made them.
    fn kept_lines(&mut self, heads: &[ChainHead]) {
        let kept = self.kept;
        for line in &kept.lines {
            let stored = self.keys.iter().find(|key| key.id() == line.key);
            let own = line.own_key();
            if stored.zip(own.as_ref()).is_some_and(|(stored, own)| stored.point() != own.point()) {
                self.fault(&line.chain, &format!("the signing key {} was replaced", line.key));
            }
            let good = own.as_ref().or(stored).is_some_and(|key| is_signed_by(&line.checkpoint(), key));
            if !good {
                let what =
                    format!("the checkpoint kept outside for record {} bears no good signature", line.seq);
                self.fault(&line.chain, &what);
            }
            match heads.iter().find(|head| head.chain_id == line.chain) {
                None => {
                    self.fault(&line.chain, &format!("gone; a checkpoint kept outside covers {}", line.seq));
                }
                Some(head) if head.seq < line.seq => {
                    let what =
                        format!("cut off after {}; a checkpoint kept outside covers {}", head.seq, line.seq);
                    self.fault(&line.chain, &what);
                }
                Some(_) => {}
            }
        }
    }

    /// Every signing key was made by an operation, which left a record.
    fn announcements(&mut self) {
        if self.cut_short {
            return;
        }
        let unknown: Vec<SigningKeyId> = self
            .keys
            .iter()
            .map(VerifyingKey::id)
            .filter(|id| !self.announced.contains(&id.to_string()))
            .collect();
        for id in unknown {
            self.found.faults.push(format!("the signing key {id} is one that no record tells of"));
        }
    }

    /// Every chain that this one's first record names must be there, and at least as long as it was seen.
    async fn seen(&mut self, head: &ChainHead, heads: &[ChainHead]) -> Result<(), Error> {
        let Some(first) = self.rows.read_chain(&head.chain_id, 0, 1).await?.pop() else { return Ok(()) };
        let body: Value = serde_json::from_str(&first.body).unwrap_or_default();
        let named = body.pointer("/details/seen").and_then(Value::as_array).cloned().unwrap_or_default();
        for named in named.iter().filter_map(Value::as_str) {
            let Some((chain, seq)) = named.rsplit_once(':') else { continue };
            let seen: i64 = seq.parse().unwrap_or_default();
            match heads.iter().find(|head| head.chain_id == chain) {
                None => self.fault(chain, &format!("gone; {} saw it", head.chain_id)),
                Some(other) if other.seq < seen => {
                    self.fault(chain, &format!("{} records; {} saw {seen}", other.seq, head.chain_id));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

const PAGE: u16 = 1_000;
const CHAINS_LOOKED_AT: u16 = 64;
