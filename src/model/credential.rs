//! Credentials: what owners deposited, without their values.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{
    id::CredentialId,
    instant::Instant,
    organization::{SharingRule, named},
    owner::Owner,
    sealed::Sealed,
    secret::SecretText,
    service::{AccountName, ServiceName},
};

named! {
    /// Whether a credential can be borrowed.
    CredentialStatus, "credential status":
    /// Yes.
    Active = "active";
    /// No: switched off by its owner.
    Inactive = "inactive";
}

/// A deposited credential. Its value stays sealed; only the keyring opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub owner: Owner,
    /// The kind of backend.
    pub service: ServiceName,
    /// The account there.
    pub account: AccountName,
    /// Whether the bare service name means this account.
    pub primary: bool,
    /// Whether it can be borrowed.
    pub status: CredentialStatus,
    /// Who in the organization may borrow it; empty for a person's own.
    pub sharing: SharingRule,
    /// Rises with each change that can end an entitlement.
    pub epoch: i64,
    /// Rises with each new value.
    pub version: i64,
    /// The value: a JSON object of fields, sealed under the owner's data key.
    pub sealed: Sealed,
    /// When the value itself runs out, where that is known.
    pub expires_at: Option<Instant>,
    /// When it was deposited.
    pub created_at: Instant,
}

/// A credential's opened fields: a JSON object, as text. `Debug` shows nothing of it; wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields(SecretText);

impl Fields {
    /// Takes over a JSON object's text.
    #[must_use]
    pub const fn new(json: SecretText) -> Self {
        Self(json)
    }

    /// The object's text, for writing into an answer.
    #[must_use]
    pub fn json(&self) -> &str {
        self.0.expose()
    }

    /// The object, parsed; empty if it is none, which the vault excludes.
    #[must_use]
    pub fn parsed(&self) -> Map<String, Value> {
        serde_json::from_str(self.0.expose()).unwrap_or_default()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields(..)")
    }
}
