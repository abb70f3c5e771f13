//! A look at the ends of chains alone, whatever the size of the log.

use data_encoding::HEXLOWER;
use serde_json::Value;

use crate::{
    broker::{
        Error,
        audit::checkpoint::{CheckpointFile, CheckpointLine},
    },
    keyring::signing::VerifyingKey,
    model::words::counted,
    store::{
        admin::Checkpoint,
        backend::Backend,
        chain::{ChainHead, StoredEntry},
    },
};

use super::{Audit, Verification, chain::is_of_a_call};

/// Checks the ends of the youngest chains alone: the last record of each, and its newest checkpoint.
///
/// # Errors
/// What the database said.
pub async fn quick_check(rows: &dyn Backend, keys: &[VerifyingKey]) -> Result<Verification, Error> {
    let kept = CheckpointFile::default();
    let mut audit = Audit::new(rows, keys, &kept);
    // Before the checkpoints: a call's record that is seen follows a checkpoint that is seen, too.
    let mut heads = rows.list_chains().await?;
    let checkpoints = rows.newest_checkpoints(CHAINS_LOOKED_AT).await?;
    heads.sort_by_key(|head| std::cmp::Reverse(head.started_at));
    for head in heads.iter().take(CHAINS_LOOKED_AT.into()) {
        let newest = checkpoints.iter().find(|checkpoint| checkpoint.chain_id == head.chain_id);
        audit.chain_end(head, newest).await?;
    }
    Ok(audit.finish())
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
        let once = format!("it had {} at {}", counted(line.seq, "record"), line.at);
        let Some(head) = heads.iter().find(|head| head.chain_id == *chain) else {
            missing.push(format!("{chain}: not there; {once}"));
            continue;
        };
        if head.seq < line.seq {
            missing.push(format!("{chain}: {}; {once}", counted(head.seq, "record")));
            continue;
        }
        let record = rows.read_chain(chain, line.seq - 1, 1).await?.pop();
        if record.is_none_or(|record| record.seq != line.seq || record.hash != line.hash) {
            missing.push(format!("{chain}: record {} is another one than at {}", line.seq, line.at));
        }
    }
    Ok(missing)
}

impl Audit<'_> {
    async fn chain_end(&mut self, head: &ChainHead, newest: Option<&Checkpoint>) -> Result<(), Error> {
        let chain = &head.chain_id;
        self.found.chains += 1;
        let last = self.rows.read_chain(chain, head.seq - 1, 1).await?.pop();
        self.found.records += u64::from(last.is_some());
        if last.as_ref().is_none_or(|last| last.seq != head.seq || last.hash != HEXLOWER.encode(&head.hash)) {
            self.fault(chain, &format!("the head names record {}, which is not there", head.seq));
        }
        if let Some(checkpoint) = newest {
            let covered = self.rows.read_chain(chain, checkpoint.seq - 1, 1).await?.pop();
            self.covers(checkpoint, covered.as_ref());
            self.signature(checkpoint);
        } else if last.as_ref().is_some_and(is_unsigned_call)
            && self.rows.list_checkpoints(chain, 0, 1).await?.is_empty()
        {
            let what =
                format!("its signed heads were removed: none is there, and record {} is a call's", head.seq);
            self.fault(chain, &what);
        }
        Ok(())
    }
}

fn is_unsigned_call(entry: &StoredEntry) -> bool {
    is_of_a_call(&serde_json::from_str::<Value>(&entry.body).unwrap_or_default())
}

const CHAINS_LOOKED_AT: u16 = 64;
