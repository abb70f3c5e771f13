//! Rows of what makes tokens: grants and applications.

use super::Place;
use crate::{
    model::{
        application::Application,
        grant::{Attempt, Claim, Grant},
        instant::Instant,
    },
    store::error::StoreError,
};

/// A grant.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct GrantRow {
    credential_id: String,
    owner: String,
    service: String,
    version: i64,
    sealed: Vec<u8>,
    refreshed_at: i64,
    refresh_expires_at: Option<i64>,
    due_at: Option<i64>,
    failures: i64,
    failure: Option<String>,
    claim: Option<String>,
    claimed_until: Option<i64>,
    attempt: Option<String>,
    attempted_at: Option<i64>,
    attempts: i64,
    reported_at: Option<i64>,
}

impl TryFrom<GrantRow> for Grant {
    type Error = StoreError;

    fn try_from(row: GrantRow) -> Result<Self, StoreError> {
        let place = Place { table: "grants", row: &row.credential_id };
        let instant = |micros: Option<i64>| micros.map(Instant::from_micros);
        let claim = row.claim.zip(instant(row.claimed_until)).map(|(token, until)| Claim { token, until });
        let attempt = row.attempt.zip(instant(row.attempted_at));
        let attempt = attempt.map(|(digest, started_at)| Attempt { digest, started_at, times: row.attempts });
        Ok(Self {
            credential_id: place.parse("credential_id", &row.credential_id)?,
            owner: place.parse("owner", &row.owner)?,
            service: place.parse("service", &row.service)?,
            version: row.version,
            sealed: place.sealed("sealed", row.sealed)?,
            refreshed_at: Instant::from_micros(row.refreshed_at),
            refresh_expires_at: instant(row.refresh_expires_at),
            due_at: instant(row.due_at),
            failures: row.failures,
            failure: row.failure,
            claim,
            attempt,
            reported_at: instant(row.reported_at),
        })
    }
}

/// An application.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct ApplicationRow {
    owner: String,
    service: String,
    client_id: String,
    sealed: Vec<u8>,
    version: i64,
    created_at: i64,
}

impl TryFrom<ApplicationRow> for Application {
    type Error = StoreError;

    fn try_from(row: ApplicationRow) -> Result<Self, StoreError> {
        let ApplicationRow { owner, service, client_id, sealed, version, created_at } = row;
        let place = Place { table: "applications", row: &service };
        Ok(Self {
            owner: place.parse("owner", &owner)?,
            service: place.parse("service", &service)?,
            client_id,
            sealed: place.sealed("sealed", sealed)?,
            version,
            created_at: Instant::from_micros(created_at),
        })
    }
}
