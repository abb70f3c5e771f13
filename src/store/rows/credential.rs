//! Rows that hold ciphertext: credentials, data keys, signing keys.

use super::Place;
use crate::{
    model::{
        credential::{Credential, FieldNames},
        holdings::UnreadableCredential,
        instant::Instant,
    },
    store::{
        admin::{StoredSigningKey, WrappedDataKey},
        error::StoreError,
    },
};

/// A credential.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct CredentialRow {
    id: String,
    owner: String,
    service: String,
    account: String,
    is_primary: bool,
    status: String,
    sharing: String,
    epoch: i64,
    version: i64,
    sealed: Vec<u8>,
    expires_at: Option<i64>,
    created_at: i64,
    rotated_at: i64,
    fields: String,
    revision: i64,
    status_reason: Option<String>,
    issuer: String,
    identity: Option<String>,
}

impl CredentialRow {
    /// The credential; else what the row stands for as far as that can be told, and what is wrong with it.
    pub(in crate::store) fn read(self) -> Result<Credential, (Option<UnreadableCredential>, StoreError)> {
        let outline = self.outline();
        Credential::try_from(self).map_err(|error| (outline, error))
    }

    fn outline(&self) -> Option<UnreadableCredential> {
        Some(UnreadableCredential {
            owner: self.owner.parse().ok()?,
            service: self.service.parse().ok()?,
            account: self.account.parse().ok()?,
            primary: self.is_primary,
        })
    }
}

impl TryFrom<CredentialRow> for Credential {
    type Error = StoreError;

    fn try_from(row: CredentialRow) -> Result<Self, StoreError> {
        let place = Place { table: "credentials", row: &row.id };
        Ok(Self {
            id: place.parse("id", &row.id)?,
            owner: place.parse("owner", &row.owner)?,
            service: place.parse("service", &row.service)?,
            account: place.parse("account", &row.account)?,
            primary: row.is_primary,
            status: place.parse("status", &row.status)?,
            sharing: serde_json::from_str(&row.sharing).map_err(|_| place.corrupt("sharing"))?,
            epoch: row.epoch,
            version: row.version,
            sealed: place.sealed("sealed", row.sealed)?,
            expires_at: row.expires_at.map(Instant::from_micros),
            created_at: Instant::from_micros(row.created_at),
            rotated_at: Instant::from_micros(row.rotated_at),
            fields: FieldNames::from_text(&row.fields),
            revision: row.revision,
            issuer: place.parse("issuer", &row.issuer)?,
            status_reason: row.status_reason,
            identity: row.identity,
        })
    }
}

/// A data key.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct DataKeyRow {
    id: String,
    owner: String,
    version: i64,
    wrapped: Vec<u8>,
    created_at: i64,
}

impl TryFrom<DataKeyRow> for WrappedDataKey {
    type Error = StoreError;

    fn try_from(row: DataKeyRow) -> Result<Self, StoreError> {
        let DataKeyRow { id, owner, version, wrapped, created_at } = row;
        let place = Place { table: "data_keys", row: &id };
        Ok(Self {
            id: place.parse("id", &id)?,
            owner: place.parse("owner", &owner)?,
            version,
            wrapped: place.sealed("wrapped", wrapped)?,
            created_at: Instant::from_micros(created_at),
        })
    }
}

/// A signing key.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct SigningKeyRow {
    id: String,
    sealed: Vec<u8>,
    public_jwk: String,
    created_at: i64,
    signs_from: i64,
    retires_at: Option<i64>,
}

impl TryFrom<SigningKeyRow> for StoredSigningKey {
    type Error = StoreError;

    fn try_from(row: SigningKeyRow) -> Result<Self, StoreError> {
        let SigningKeyRow { id, sealed, public_jwk, created_at, signs_from, retires_at } = row;
        let place = Place { table: "signing_keys", row: &id };
        Ok(Self {
            id: place.parse("id", &id)?,
            sealed: place.sealed("sealed", sealed)?,
            public_jwk,
            created_at: Instant::from_micros(created_at),
            signs_from: Instant::from_micros(signs_from),
            retires_at: retires_at.map(Instant::from_micros),
        })
    }
}
