//! Audit: verifying chains, signing their heads, and recording what was counted.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    keyring::signing::VerifyingKey,
    model::{id::SigningKeyId, instant::Instant},
    store::{
        admin::{AdminChange, Change, Checkpoint},
        backend::Backend,
        chain::{ChainHead, GENESIS, next_hash},
    },
};

use super::{Broker, Error};

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Chains looked at.
    pub chains: u64,
    /// Records looked at.
    pub records: u64,
    /// What is wrong, a line each; empty when all is well.
    pub faults: Vec<String>,
}

/// Checks every chain of a database: each record's hash, its number, the head, and the newest checkpoint.
///
/// # Errors
/// What the database said.
pub async fn verify(rows: &dyn Backend, keys: &[VerifyingKey]) -> Result<Verification, Error> {
    let mut found = Verification::default();
    let heads = rows.list_chains().await?;
    for head in &heads {
        found.chains += 1;
        verify_chain(rows, head, keys, &mut found).await?;
        verify_seen(rows, head, &heads, &mut found).await?;
    }
    Ok(found)
}

/// The public halves of every signing key that the database still knows, retired ones among them.
///
/// # Errors
/// What the database said.
pub async fn stored_keys(rows: &dyn Backend) -> Result<Vec<VerifyingKey>, Error> {
    let stored = rows.list_signing_keys(Instant::from_micros(0)).await?;
    stored.iter().map(|key| public_key(key.id, &key.public_jwk)).collect()
}

impl Broker {
    /// Checks every chain; see [`verify`].
    ///
    /// # Errors
    /// What the database said.
    pub async fn verify_audit(&self) -> Result<Verification, Error> {
        let keys = self.signing.current(&self.store, &self.vault, &*self.clock).await?;
        verify(self.store.rows(), keys.verifying()).await
    }

    /// Signs the head of a chain, unless its newest checkpoint covers it; answers whether it did.
    ///
    /// # Errors
    /// What the database said.
    pub async fn sign_checkpoint(&self, chain: &str) -> Result<bool, Error> {
        let heads = self.store.rows().list_chains().await?;
        let Some(head) = heads.into_iter().find(|head| head.chain_id == chain) else { return Ok(false) };
        let last = self.store.rows().find_checkpoint(chain).await?;
        if last.is_some_and(|checkpoint| checkpoint.seq >= head.seq) {
            return Ok(false);
        }
        let at = self.clock.now();
        let keys = self.signing.current(&self.store, &self.vault, &*self.clock).await?;
        let Some(key) = keys.signing(at) else { return Ok(false) };
        let hash = HEXLOWER.encode(&head.hash);
        let text = signed_text(chain, head.seq, &hash, &at.to_string());
        let signature = key.sign_bytes(text.as_bytes()).map_err(Error::internal)?;
        let signature = BASE64URL_NOPAD.encode(&signature);
        tracing::info!(chain, seq = head.seq, hash, %at, signature, key = %key.id(), "audit checkpoint");
        let (chain_id, key_id) = (chain.to_owned(), key.id());
        let checkpoint = Checkpoint { chain_id, seq: head.seq, hash, at, key_id, signature };
        let change = AdminChange { records: Vec::new(), change: Change::PutCheckpoint(checkpoint) };
        self.store.administer(change).await?;
        Ok(true)
    }

    /// Records how often tokens were good since the last flush, and, when asked, what failed.
    ///
    /// # Errors
    /// What the database said; what was counted is lost then, as the operations' own records are not.
    pub async fn flush_usage(&self, failures_too: bool) -> Result<(), Error> {
        let counts = self.usage.take(failures_too);
        let mut records: Vec<_> =
            counts.successes.iter().map(|(token, success)| success.record(*token)).collect();
        records.extend(counts.failures.iter().map(|((_, reason), failure)| failure.record(reason)));
        if records.is_empty() {
            return Ok(());
        }
        let uses = counts.successes.into_iter();
        let uses =
            uses.map(|(token, used)| (token, used.uncounted(), used.last, used.actor.address)).collect();
        self.store.administer(AdminChange { records, change: Change::RecordUsage(uses) }).await?;
        Ok(())
    }
}

fn public_key(id: SigningKeyId, jwk: &str) -> Result<VerifyingKey, Error> {
    let jwk: PublicPoint = serde_json::from_str(jwk).map_err(Error::internal_corrupt)?;
    let mut point = vec![UNCOMPRESSED];
    for coordinate in [jwk.x, jwk.y] {
        point.extend(BASE64URL_NOPAD.decode(coordinate.as_bytes()).map_err(Error::internal_corrupt)?);
    }
    VerifyingKey::from_point(id, &point).map_err(Error::internal)
}

/// The coordinates of a JWK on P-256 (RFC 7518, section 6.2.1).
#[derive(Deserialize)]
struct PublicPoint {
    x: String,
    y: String,
}

/// Every chain that this one's first record names must be there, and at least as long as it was seen.
async fn verify_seen(
    rows: &dyn Backend,
    head: &ChainHead,
    heads: &[ChainHead],
    found: &mut Verification,
) -> Result<(), Error> {
    let Some((_, body, _)) = rows.read_chain(&head.chain_id, 0, 1).await?.pop() else { return Ok(()) };
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let named = body.pointer("/details/seen").and_then(Value::as_array).cloned().unwrap_or_default();
    for named in named.iter().filter_map(Value::as_str) {
        let Some((chain, seq)) = named.rsplit_once(':') else { continue };
        let seen: i64 = seq.parse().unwrap_or_default();
        match heads.iter().find(|head| head.chain_id == chain) {
            None => found.faults.push(format!("{chain}: gone; {} saw it", head.chain_id)),
            Some(other) if other.seq < seen => {
                found.faults.push(format!("{chain}: {} records; {} saw {seen}", other.seq, head.chain_id));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn verify_chain(
    rows: &dyn Backend,
    head: &ChainHead,
    keys: &[VerifyingKey],
    found: &mut Verification,
) -> Result<(), Error> {
    let chain = &head.chain_id;
    let checkpoint = rows.find_checkpoint(chain).await?;
    let (mut seq, mut hash) = (0, GENESIS);
    // The chain may grow while it is read: what lies beyond the head as first read is not looked at.
    while seq < head.seq {
        let page = rows.read_chain(chain, seq, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for (number, body, stored) in page.into_iter().take_while(|(number, _, _)| *number <= head.seq) {
            found.records += 1;
            if number != seq + 1 {
                found.faults.push(format!("{chain}: record {} is missing", seq + 1));
            }
            hash = next_hash(&hash, &body);
            if HEXLOWER.encode(&hash) != stored {
                found.faults.push(format!("{chain}: record {number} was changed, or one before it"));
                return Ok(());
            }
            seq = number;
            if let Some(checkpoint) = checkpoint.as_ref().filter(|checkpoint| checkpoint.seq == seq) {
                check_checkpoint(checkpoint, &stored, keys, found);
            }
        }
        if seq >= head.seq {
            break;
        }
    }
    if seq != head.seq || hash != head.hash {
        found.faults.push(format!("{chain}: the head says {} records, found {seq}", head.seq));
    }
    if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.seq > seq) {
        found.faults.push(format!("{chain}: cut off after {seq}; a signed head says {}", checkpoint.seq));
    }
    Ok(())
}

fn check_checkpoint(checkpoint: &Checkpoint, stored: &str, keys: &[VerifyingKey], found: &mut Verification) {
    let Checkpoint { chain_id, seq, hash, at, key_id, signature } = checkpoint;
    if hash != stored {
        found.faults.push(format!("{chain_id}: record {seq} differs from its signed head"));
    }
    // A retired key is no longer at hand; the hash still binds.
    let Some(key) = keys.iter().find(|key| key.id() == *key_id) else { return };
    let text = signed_text(chain_id, *seq, hash, &at.to_string());
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap_or_default();
    if !key.verify_bytes(text.as_bytes(), &signature) {
        found.faults.push(format!("{chain_id}: the signature of the head at {seq} is wrong"));
    }
}

/// What a checkpoint's signature covers. The spaces keep it apart from the signed part of any token.
fn signed_text(chain: &str, seq: i64, hash: &str, at: &str) -> String {
    format!("leasehold audit checkpoint {chain} {seq} {hash} {at}")
}

/// The first byte of an uncompressed point (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;
const PAGE: u16 = 1_000;
