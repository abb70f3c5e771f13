//! Verifying chains: every record, every head, every checkpoint, and what was kept of them outside of the database.
//!
//! A fault ends nothing: reading goes on at the hash as it is stored, so that each record that was tampered with is named.
//! Memory is bounded by the number of chains, and by the file of checkpoints, whatever the number of records and faults.
//!
//! | tampering | shows by |
//! |---|---|
//! | a record changed, removed, put in, or moved | its hash, its number, what its own text says of both |
//! | a chain cut off | its head, its checkpoints, later chains that saw it, checkpoints kept outside |
//! | a chain gone, or two swapped | later chains, the chain's name in each record, checkpoints kept outside |
//! | a checkpoint forged | its signature; a key that no record tells of |
//! | a checkpoint removed, or signed again | the one after it, which names it; checkpoints kept outside |
//! | all checkpoints of a chain removed | a record that a call left: none is answered before the first signature |

mod chain;
mod faults;
mod heads;
mod links;
mod quick;

pub use quick::{compare_heads, quick_check};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    broker::Error,
    keyring::signing::VerifyingKey,
    model::{id::SigningKeyId, words::counted},
    store::{
        admin::Checkpoint,
        backend::Backend,
        chain::{ChainHead, StoredEntry},
    },
};

use super::checkpoint::{CheckpointFile, CheckpointLine, is_signed_by};
use faults::Faults;

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Chains looked at.
    pub chains: u64,
    /// Records looked at.
    pub records: u64,
    /// What is wrong and where, a line each; empty when all is well. Of each chain so many, then how many more.
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
    Ok(audit.finish())
}

/// A verification under way.
struct Audit<'a> {
    rows: &'a dyn Backend,
    keys: &'a [VerifyingKey],
    kept: &'a CheckpointFile,
    /// The lines kept outside, by chain and record.
    kept_at: BTreeMap<(&'a str, i64), Vec<&'a CheckpointLine>>,
    /// Signing keys that a record tells of.
    announced: BTreeSet<String>,
    faults: Faults,
    found: Verification,
}

impl<'a> Audit<'a> {
    fn new(rows: &'a dyn Backend, keys: &'a [VerifyingKey], kept: &'a CheckpointFile) -> Self {
        let mut kept_at: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in &kept.lines {
            kept_at.entry((line.chain.as_str(), line.seq)).or_default().push(line);
        }
        let (faults, found) = (Faults::default(), Verification::default());
        Self { rows, keys, kept, kept_at, announced: BTreeSet::new(), faults, found }
    }

    fn finish(self) -> Verification {
        Verification { faults: self.faults.into_lines(), ..self.found }
    }

    fn fault(&mut self, chain: &str, what: &str) {
        self.faults.add(chain, what);
    }

    /// The lines kept outside that cover a record.
    fn lines_at(&self, chain: &str, seq: i64) -> Vec<&'a CheckpointLine> {
        self.kept_at.get(&(chain, seq)).cloned().unwrap_or_default()
    }

    fn covers(&mut self, checkpoint: &Checkpoint, entry: Option<&StoredEntry>) {
        if entry.is_none_or(|entry| entry.hash != checkpoint.hash) {
            self.fault(
                &checkpoint.chain_id,
                &format!("record {} differs from its signed head", checkpoint.seq),
            );
        }
    }

    /// Whether a checkpoint's signature is good.
    fn signature(&mut self, checkpoint: &Checkpoint) -> bool {
        let Checkpoint { chain_id, seq, key_id, .. } = checkpoint;
        let key = self.keys.iter().find(|key| key.id() == *key_id);
        let good = key.is_some_and(|key| is_signed_by(checkpoint, key));
        if key.is_none() {
            self.fault(
                chain_id,
                &format!("the head at {seq} is signed by {key_id}, which is not there or cannot be read"),
            );
        } else if !good {
            self.fault(chain_id, &format!("the signature of the head at {seq} is wrong"));
        }
        good
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
        let unknown: Vec<SigningKeyId> = self
            .keys
            .iter()
            .map(VerifyingKey::id)
            .filter(|id| !self.announced.contains(&id.to_string()))
            .collect();
        for id in unknown {
            self.faults.add_of_none(format!("the signing key {id} is one that no record tells of"));
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
                    let what = format!("{}; {} saw {seen}", counted(other.seq, "record"), head.chain_id);
                    self.fault(chain, &what);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
