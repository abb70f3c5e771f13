//! Data keys: one per owner, sealing that owner's secrets.
//!
//! Owns the type. How a key is made, wrapped and unwrapped is the keyring's; where wrapped keys are kept, and for how
//! long unwrapped ones are cached, is the caller's.

use std::fmt;

use super::seal::{KEY_LEN, SealingKey};
use crate::model::id::DataKeyId;

/// An unwrapped data key. It holds the prepared cipher alone, which is wiped when the key is dropped.
pub struct DataKey {
    id: DataKeyId,
    sealing: SealingKey,
}

impl DataKey {
    /// The key's id, which every envelope that it seals carries.
    #[must_use]
    pub const fn id(&self) -> DataKeyId {
        self.id
    }

    pub(super) fn new(id: DataKeyId, bytes: &[u8; KEY_LEN]) -> Self {
        Self { id, sealing: SealingKey::new(&id.to_string(), bytes) }
    }

    pub(super) const fn sealing(&self) -> &SealingKey {
        &self.sealing
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}
