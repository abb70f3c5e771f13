//! Checkpoints: signed heads of chains, and their form outside of the database.
//!
//! Each names the one before it, so that one that is taken out of the middle is missed. All are logged: who keeps the
//! log, or the lines of `leasehold audit checkpoint`, elsewhere can tell afterwards what the database must still hold.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};

use crate::{
    broker::{Broker, Error},
    keyring::signing::VerifyingKey,
    model::{id::SigningKeyId, instant::Instant},
    store::{admin::Checkpoint, backend::Backend},
};

/// What this process has signed of its own chain.
pub(crate) struct Signer {
    /// The last record covered.
    signed: watch::Sender<i64>,
    /// One signature at a time, so that each names the one before.
    turn: Mutex<()>,
}

/// A checkpoint as a line of JSON: as `leasehold audit checkpoint` prints it, the log has it, and the witness keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointLine {
    /// The chain.
    pub chain: String,
    /// The last record that it covers.
    pub seq: i64,
    /// That record's hash, in hex.
    pub hash: String,
    /// When it was signed.
    pub at: Instant,
    /// The last record of the checkpoint before it; 0 for a chain's first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<i64>,
    /// The signing key's id.
    pub key: SigningKeyId,
    /// The signing key's public point (SEC 1, uncompressed), base64url: with it a line can be checked by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub public_key: Option<String>,
    /// ES256, base64url.
    pub signature: String,
}

/// Checkpoints that were kept outside of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointFile {
    /// In the order of the file.
    pub lines: Vec<CheckpointLine>,
}

/// A file holds no checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// A line is no JSON.
    #[error("line {0} is not JSON")]
    NotJson(usize),
    /// A line has the signature of a checkpoint and not its form.
    #[error("line {0} is no checkpoint: expected chain, seq, hash, at, key and signature")]
    NoCheckpoint(usize),
    /// There is none.
    #[error("it holds no checkpoint: expected lines of `leasehold audit checkpoint`, or of the log")]
    Empty,
}

impl Signer {
    pub(crate) fn new() -> Self {
        Self { signed: watch::Sender::new(0), turn: Mutex::new(()) }
    }
}

impl Broker {
    /// Signs the head of this process's chain, unless its newest checkpoint covers it; answers whether it did.
    ///
    /// # Errors
    /// What the database said.
    pub async fn sign_checkpoint(&self) -> Result<bool, Error> {
        let _turn = self.signer.turn.lock().await;
        let head = self.store.head().borrow().clone();
        let previous = *self.signer.signed.borrow();
        if head.seq <= previous {
            return Ok(false);
        }
        let at = self.clock.now();
        let keys = self.signing.current(&self.store, &self.vault, &*self.clock).await?;
        let Some(key) = keys.vouching(at) else { return Ok(false) };
        let mut checkpoint = Checkpoint {
            chain_id: head.chain_id,
            seq: head.seq,
            hash: HEXLOWER.encode(&head.hash),
            at,
            previous: Some(previous),
            key_id: key.id(),
            signature: String::new(),
        };
        let signature = key.sign_bytes(signed_text(&checkpoint).as_bytes()).map_err(Error::internal)?;
        checkpoint.signature = BASE64URL_NOPAD.encode(&signature);
        let line = CheckpointLine::of(&checkpoint, Some(key.verifying_key()));
        self.store.put_checkpoint(checkpoint).await?;
        self.signer.signed.send_replace(line.seq);
        let CheckpointLine { chain, seq, hash, at, previous, key, public_key, signature } = line;
        tracing::info!(chain, seq, hash, %at, previous, %key, public_key, signature, "audit checkpoint");
        Ok(true)
    }

    /// The last record of this process's chain that a signed head covers; to be watched.
    #[must_use]
    pub fn signed(&self) -> watch::Receiver<i64> {
        self.signer.signed.subscribe()
    }

    /// Waits until so many records of this process's chain are not signed yet.
    pub async fn records_to_sign(&self, at_least: i64) {
        let enough = |seq: i64| seq - *self.signer.signed.borrow() >= at_least;
        // The committer outlives the ways in; should it be gone, nothing is left to sign.
        if self.store.head().wait_for(|head| enough(head.seq)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl CheckpointLine {
    /// The line of a stored checkpoint.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint, key: Option<&VerifyingKey>) -> Self {
        let Checkpoint { chain_id, seq, hash, at, previous, key_id, signature } = checkpoint.clone();
        let public_key = key.map(|key| BASE64URL_NOPAD.encode(key.point()));
        Self { chain: chain_id, seq, hash, at, previous, key: key_id, public_key, signature }
    }

    /// The checkpoint that it tells of.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let Self { chain, seq, hash, at, previous, key, signature, .. } = self.clone();
        Checkpoint { chain_id: chain, seq, hash, at, previous, key_id: key, signature }
    }

    /// Whether the line names its key and bears that key's signature.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.own_key().is_some_and(|key| is_signed_by(&self.checkpoint(), &key))
    }

    /// The key that the line itself names, if it does.
    pub(super) fn own_key(&self) -> Option<VerifyingKey> {
        let point = BASE64URL_NOPAD.decode(self.public_key.as_ref()?.as_bytes()).ok()?;
        VerifyingKey::from_point(self.key, &point).ok()
    }
}

impl CheckpointFile {
    /// Reads lines of JSON. Other lines of a log, which have no signature, are passed over.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            let value: serde_json::Value =
                serde_json::from_str(line).map_err(|_| FileError::NotJson(number))?;
            if value.get("signature").is_none() {
                continue;
            }
            lines.push(serde_json::from_value(value).map_err(|_| FileError::NoCheckpoint(number))?);
        }
        if lines.is_empty() { Err(FileError::Empty) } else { Ok(Self { lines }) }
    }
}

/// The public halves of every signing key that the database knows: none is ever removed, so that old checkpoints can be
/// verified.
///
/// # Errors
/// What the database said.
pub async fn stored_keys(rows: &dyn Backend) -> Result<Vec<VerifyingKey>, Error> {
    let stored = rows.list_signing_keys(Instant::from_micros(i64::MIN)).await?;
    Ok(stored.iter().filter_map(|key| public_key(key.id, &key.public_jwk).ok()).collect())
}

/// The newest checkpoint of each of the youngest chains, as lines.
///
/// # Errors
/// What the database said.
pub async fn newest_checkpoints(rows: &dyn Backend) -> Result<Vec<CheckpointLine>, Error> {
    let keys = stored_keys(rows).await?;
    let key = |id| keys.iter().find(|key: &&VerifyingKey| key.id() == id);
    let newest = rows.newest_checkpoints(CHAINS_TOLD).await?;
    Ok(newest.iter().map(|checkpoint| CheckpointLine::of(checkpoint, key(checkpoint.key_id))).collect())
}

/// Whether a checkpoint bears this key's signature.
pub(super) fn is_signed_by(checkpoint: &Checkpoint, key: &VerifyingKey) -> bool {
    let signature = BASE64URL_NOPAD.decode(checkpoint.signature.as_bytes()).unwrap_or_default();
    key.id() == checkpoint.key_id && key.verify_bytes(signed_text(checkpoint).as_bytes(), &signature)
}

/// What a checkpoint's signature covers. The spaces keep it apart from the signed part of any token.
fn signed_text(checkpoint: &Checkpoint) -> String {
    let Checkpoint { chain_id, seq, hash, at, previous, .. } = checkpoint;
    let after = previous.map_or_else(String::new, |previous| format!(" after {previous}"));
    format!("leasehold audit checkpoint {chain_id} {seq} {hash} {at}{after}")
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

/// The first byte of an uncompressed point (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;
/// Of how many chains the newest checkpoints are told.
const CHAINS_TOLD: u16 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"timestamp":"x","message":"audit checkpoint","chain":"aud_1","seq":7,"hash":"00",
        "at":"2026-01-31T09:30:00.000000Z","key":"sig_06gvo639qhsir8n7sufa9s4cv0","signature":"AAAA"}"#;

    #[test]
    fn checkpoints_are_found_in_a_log() {
        let line = LINE.replace('\n', "");
        let text = format!("{{\"message\":\"ready\"}}\n\n{line}\n");
        let file = CheckpointFile::parse(&text).unwrap();
        assert_eq!((file.lines.len(), file.lines[0].seq, file.lines[0].previous), (1, 7, None));
    }

    #[test]
    fn what_is_no_file_of_checkpoints_is_told_apart() {
        let line = LINE.replace('\n', "");
        assert_eq!(CheckpointFile::parse(""), Err(FileError::Empty));
        assert_eq!(CheckpointFile::parse("{\"message\":\"ready\"}"), Err(FileError::Empty));
        assert_eq!(CheckpointFile::parse(&format!("{line}\nnonsense")), Err(FileError::NotJson(2)));
        let broken = line.replace("\"seq\":7", "\"seq\":\"x\"");
        assert_eq!(CheckpointFile::parse(&broken), Err(FileError::NoCheckpoint(1)));
    }
}
