//! Ciphertext, as the store moves it.
//!
//! Envelope, version 1 (all of it travels as one byte string):
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | format version, `0x01` |
//! | 1 | length *n* of the key id |
//! | *n* | id of the key that sealed it: a data key's id, or a root key's |
//! | 12 | nonce |
//! | rest | AES-256-GCM ciphertext, with its 16-byte tag at the end |

use std::fmt;

/// The current envelope format.
pub const FORMAT_VERSION: u8 = 1;
/// Bytes of an AES-GCM nonce.
pub const NONCE_LEN: usize = 12;
/// Bytes of an AES-GCM tag.
pub const TAG_LEN: usize = 16;

/// A sealed value. Only an envelope of the known format becomes one, so plaintext cannot be stored by mistake: the
/// keyring is the only code that writes envelopes.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// The bytes are no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sealed value: the envelope is cut short, of an unknown version, or names no key")]
pub struct EnvelopeError;

/// The parts of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Which key sealed it.
    pub key_id: &'a str,
    /// The nonce.
    pub nonce: &'a [u8; NONCE_LEN],
    /// Ciphertext and tag.
    pub ciphertext: &'a [u8],
}

impl Sealed {
    /// Reads an envelope, as it was stored.
    ///
    /// # Errors
    /// [`EnvelopeError`] when the bytes are not of the known format.
    pub fn from_envelope(bytes: Vec<u8>) -> Result<Self, EnvelopeError> {
        parse(&bytes)?;
        Ok(Self(bytes))
    }

    /// The whole envelope.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its parts.
    ///
    /// # Errors
    /// Never for a value made by [`Sealed::from_envelope`]; the type keeps the check with the data.
    pub fn envelope(&self) -> Result<Envelope<'_>, EnvelopeError> {
        parse(&self.0)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

fn parse(bytes: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
    let (&version, rest) = bytes.split_first().ok_or(EnvelopeError)?;
    let (&key_len, rest) = rest.split_first().ok_or(EnvelopeError)?;
    let (key_id, rest) = rest.split_at_checked(usize::from(key_len)).ok_or(EnvelopeError)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(EnvelopeError)?;
    let key_id = std::str::from_utf8(key_id).map_err(|_| EnvelopeError)?;
    if version != FORMAT_VERSION || key_id.is_empty() || ciphertext.len() < TAG_LEN {
        return Err(EnvelopeError);
    }
    Ok(Envelope { key_id, nonce, ciphertext })
}
