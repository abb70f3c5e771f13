//! Rows of tokens that were made for one lease.

use super::Place;
use crate::{
    model::{instant::Instant, minted::MintedToken},
    store::error::StoreError,
};

/// A token.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct MintedRow {
    id: String,
    lease_id: String,
    name: String,
    service: String,
    credential_id: String,
    owner: String,
    state: String,
    sealed: Option<Vec<u8>>,
    expires_at: i64,
    created_at: i64,
    due_at: Option<i64>,
    attempts: i64,
    failure: Option<String>,
}

impl TryFrom<MintedRow> for MintedToken {
    type Error = StoreError;

    fn try_from(row: MintedRow) -> Result<Self, StoreError> {
        let place = Place { table: "minted_tokens", row: &row.id };
        Ok(Self {
            id: place.parse("id", &row.id)?,
            lease_id: place.parse("lease_id", &row.lease_id)?,
            name: place.parse("name", &row.name)?,
            service: place.parse("service", &row.service)?,
            credential_id: place.parse("credential_id", &row.credential_id)?,
            owner: place.parse("owner", &row.owner)?,
            state: place.parse("state", &row.state)?,
            sealed: row.sealed.map(|sealed| place.sealed("sealed", sealed)).transpose()?,
            expires_at: Instant::from_micros(row.expires_at),
            created_at: Instant::from_micros(row.created_at),
            due_at: row.due_at.map(Instant::from_micros),
            attempts: row.attempts,
            failure: row.failure,
        })
    }
}
