//! Rows of links by which people connect accounts.

use super::Place;
use crate::{
    model::{connection::ConnectLink, instant::Instant},
    store::error::StoreError,
};

/// A link.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct ConnectLinkRow {
    id: String,
    owner: String,
    service: String,
    account: String,
    sharing: String,
    reconnects: bool,
    credential_id: Option<String>,
    start: String,
    requested_by: String,
    requester: String,
    state: String,
    failure: Option<String>,
    browser: Option<String>,
    identity: Option<String>,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<ConnectLinkRow> for ConnectLink {
    type Error = StoreError;

    fn try_from(row: ConnectLinkRow) -> Result<Self, StoreError> {
        let place = Place { table: "connect_links", row: &row.id };
        Ok(Self {
            id: place.parse("id", &row.id)?,
            owner: place.parse("owner", &row.owner)?,
            service: place.parse("service", &row.service)?,
            account: place.parse("account", &row.account)?,
            sharing: serde_json::from_str(&row.sharing).map_err(|_| place.corrupt("sharing"))?,
            reconnects: row.reconnects,
            credential_id: place.parse_some("credential_id", row.credential_id.as_deref())?,
            start: serde_json::from_str(&row.start).map_err(|_| place.corrupt("start"))?,
            requested_by: row.requested_by,
            requester: row.requester,
            state: place.parse("state", &row.state)?,
            failure: row.failure,
            browser: row.browser,
            identity: row.identity,
            created_at: Instant::from_micros(row.created_at),
            expires_at: Instant::from_micros(row.expires_at),
        })
    }
}
