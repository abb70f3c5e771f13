//! Floor 3: the keyring. All cryptography of the broker happens here.
//!
//! Owns root keys, data keys and envelopes (AES-256-GCM), the digests of machine secrets, and the keys that sign
//! tokens and checkpoints (ES256). Key hierarchy: a root key, given by the operator, wraps one data key per owner; a
//! data key seals that owner's secrets. It must not know the store: wrapped keys and sealed values are handed in and
//! out. It keeps no cache and makes no decision about who may open what.

pub mod context;
pub mod data_key;
pub mod digest;
pub mod jwt;
pub mod machine_secret;
pub mod root;
mod seal;
pub mod signing;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use self::{context::Context, data_key::DataKey, root::RootKeys};
use crate::{
    entropy::Entropy,
    model::{
        id::DataKeyId,
        owner::Owner,
        sealed::{EnvelopeError, Sealed},
        secret::SecretBytes,
    },
};

pub use self::seal::KeyringError;

/// Seals and opens values, and wraps the keys that do so.
pub struct Keyring {
    root: RootKeys,
    entropy: Arc<dyn Entropy>,
}

impl Keyring {
    /// A keyring on these root keys; keys and nonces come from `entropy`.
    #[must_use]
    pub const fn new(root: RootKeys, entropy: Arc<dyn Entropy>) -> Self {
        Self { root, entropy }
    }

    /// The root keys it works with.
    #[must_use]
    pub const fn root_keys(&self) -> &RootKeys {
        &self.root
    }

    /// Makes a data key for an owner, ready to use, and the same key wrapped under the first root key, to be stored.
    #[must_use]
    pub fn new_data_key(&self, owner: Owner, id: DataKeyId) -> (DataKey, Sealed) {
        let bytes = Zeroizing::new(self.entropy.bytes());
        let wrapped = self.wrap(id, owner, bytes.as_slice());
        (DataKey::new(id, &bytes), wrapped)
    }

    /// Unwraps a stored data key, for the owner and id that it was made for.
    ///
    /// # Errors
    /// [`KeyringError::UnknownKey`] when the root key that wrapped it is not given, [`KeyringError::Tampered`] when it
    /// was changed, belongs to another row, or the root key of that id is another one, [`KeyringError::Malformed`]
    /// when what was wrapped is no key.
    pub fn unwrap_data_key(
        &self,
        id: DataKeyId,
        owner: Owner,
        wrapped: &Sealed,
    ) -> Result<DataKey, KeyringError> {
        let bytes = self.unwrap_bytes(id, owner, wrapped)?;
        let bytes = bytes.expose().try_into().map_err(|_| KeyringError::Malformed)?;
        Ok(DataKey::new(id, bytes))
    }

    /// Wraps a data key under the first root key; `None` when it already is.
    ///
    /// # Errors
    /// As [`Keyring::unwrap_data_key`].
    pub fn rewrap_data_key(
        &self,
        id: DataKeyId,
        owner: Owner,
        wrapped: &Sealed,
    ) -> Result<Option<Sealed>, KeyringError> {
        if self.is_under_first(wrapped)? {
            return Ok(None);
        }
        let bytes = self.unwrap_bytes(id, owner, wrapped)?;
        Ok(Some(self.wrap(id, owner, bytes.expose())))
    }

    /// Whether the first root key wraps it.
    ///
    /// # Errors
    /// [`KeyringError::Malformed`].
    pub fn is_under_first(&self, wrapped: &Sealed) -> Result<bool, KeyringError> {
        Ok(wrapped.envelope()?.key_id == self.root.first().id())
    }

    /// Seals a value for its place.
    #[must_use]
    pub fn seal(&self, key: &DataKey, context: &Context<'_>, plaintext: &[u8]) -> Sealed {
        key.sealing().seal(&self.entropy.bytes(), context, plaintext)
    }

    /// Opens a value in its place.
    ///
    /// # Errors
    /// [`KeyringError::UnknownKey`] when another key sealed it, [`KeyringError::Tampered`] when the value or any part
    /// of the context differs from what was sealed.
    pub fn open(
        &self,
        key: &DataKey,
        context: &Context<'_>,
        sealed: &Sealed,
    ) -> Result<SecretBytes, KeyringError> {
        key.sealing().open(context, sealed)
    }

    /// Opens a value under one data key and seals it under another, in the same place.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn rewrap(
        &self,
        from: &DataKey,
        to: &DataKey,
        context: &Context<'_>,
        sealed: &Sealed,
    ) -> Result<Sealed, KeyringError> {
        let plaintext = self.open(from, context, sealed)?;
        Ok(self.seal(to, context, plaintext.expose()))
    }

    fn wrap(&self, id: DataKeyId, owner: Owner, bytes: &[u8]) -> Sealed {
        let row = id.to_string();
        let context = wrapping_context(owner, &row);
        self.root.first().seal(&self.entropy.bytes(), &context, bytes)
    }

    fn unwrap_bytes(
        &self,
        id: DataKeyId,
        owner: Owner,
        wrapped: &Sealed,
    ) -> Result<SecretBytes, KeyringError> {
        let key_id = wrapped.envelope()?.key_id;
        let root =
            self.root.find(key_id).ok_or_else(|| KeyringError::UnknownKey { key_id: key_id.to_owned() })?;
        root.open(&wrapping_context(owner, &id.to_string()), wrapped)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Which data key sealed a value: the one to load before opening it.
///
/// # Errors
/// [`KeyringError::UnknownKey`] when the envelope names no data key.
pub fn data_key_of(sealed: &Sealed) -> Result<DataKeyId, KeyringError> {
    let key_id = sealed.envelope()?.key_id;
    key_id.parse().map_err(|_| KeyringError::UnknownKey { key_id: key_id.to_owned() })
}

/// Where a wrapped data key stands. Its row is never rewritten with another key, hence the constant version.
const fn wrapping_context(owner: Owner, row: &str) -> Context<'_> {
    Context { table: "data_keys", owner, row, column: "wrapped_key", version: 1 }
}

impl From<EnvelopeError> for KeyringError {
    fn from(_: EnvelopeError) -> Self {
        Self::Malformed
    }
}
