//! AES-256-GCM over envelopes: what root keys and data keys have in common.
//!
//! Owns the writing and opening of envelopes (`model::sealed` owns their layout) and the errors of the keyring. It
//! must not know which kind of key it holds, nor where nonces come from.
//!
//! Nonces are 96 random bits, so one key may seal 2^32 values before a repetition has odds worth naming (NIST SP
//! 800-38D, 8.3); a data key serves a single owner, and a root key wraps data keys only.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{AeadInOut, inout::InOutBuf},
};

use super::context::Context;
use crate::model::{
    sealed::{Envelope, FORMAT_VERSION, NONCE_LEN, Sealed, TAG_LEN},
    secret::SecretBytes,
};

/// Bytes of an AES-256 key.
pub(super) const KEY_LEN: usize = 32;

/// A value did not open, or a key did not unwrap. No variant tells anything of the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// It names a key that is not at hand.
    #[error("sealed under the key {key_id:?}, which is not at hand")]
    UnknownKey {
        /// The key that it names, as found in the envelope.
        key_id: String,
    },
    /// Authentication failed.
    #[error(
        "the sealed value does not open: it was changed or moved to another place, or the key of that id is \
         another one"
    )]
    Tampered,
    /// It opened, or was read, but does not have the expected form.
    #[error("the sealed value is malformed")]
    Malformed,
}

/// A named key with its cipher prepared, so that sealing and opening do no key schedule. The cipher wipes itself
/// when dropped.
#[derive(Clone)]
pub(super) struct SealingKey {
    id: Box<str>,
    cipher: Aes256Gcm,
}

impl SealingKey {
    /// Prepares a key. The id must be 1 to 255 bytes of text: root key ids and data key ids both are.
    pub(super) fn new(id: &str, bytes: &[u8; KEY_LEN]) -> Self {
        Self { id: id.into(), cipher: Aes256Gcm::new(bytes.into()) }
    }

    /// The id that its envelopes carry.
    pub(super) const fn id(&self) -> &str {
        &self.id
    }

    /// Seals a value. The nonce must never have been used with this key.
    pub(super) fn seal(&self, nonce: &[u8; NONCE_LEN], context: &Context<'_>, plaintext: &[u8]) -> Sealed {
        #[expect(
            clippy::expect_used,
            reason = "ids are 1 to 255 bytes by construction, and AES-GCM refuses only messages above 64 GiB"
        )]
        self.write(nonce, context, plaintext).expect("an envelope of bounded parts is well-formed")
    }

    /// Opens a value that this key sealed in this place.
    pub(super) fn open(&self, context: &Context<'_>, sealed: &Sealed) -> Result<SecretBytes, KeyringError> {
        let Envelope { key_id, nonce, ciphertext } = sealed.envelope()?;
        if key_id != self.id() {
            return Err(KeyringError::UnknownKey { key_id: key_id.to_owned() });
        }
        let mut buffer = ciphertext.to_vec();
        self.cipher
            .decrypt_in_place(nonce.into(), &context.to_bytes(), &mut buffer)
            .map_err(|_| KeyringError::Tampered)?;
        Ok(SecretBytes::new(buffer))
    }

    /// Encrypts inside the envelope's own allocation, made at full size, so that no copy of the plaintext is left
    /// behind in memory.
    fn write(&self, nonce: &[u8; NONCE_LEN], context: &Context<'_>, plaintext: &[u8]) -> Option<Sealed> {
        let header_len = 2 + self.id.len() + NONCE_LEN;
        let mut bytes = Vec::with_capacity(header_len + plaintext.len() + TAG_LEN);
        bytes.extend_from_slice(&[FORMAT_VERSION, u8::try_from(self.id.len()).ok()?]);
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(plaintext);
        let body = InOutBuf::from(bytes.get_mut(header_len..)?);
        let tag = self.cipher.encrypt_inout_detached(nonce.into(), &context.to_bytes(), body).ok()?;
        bytes.extend_from_slice(&tag);
        Sealed::from_envelope(bytes).ok()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}
