//! Rows of tokens and clients.

use serde::Serialize;

use super::Place;
use crate::{
    model::{
        client::Client,
        instant::Instant,
        mcp_token::McpToken,
        resource::Resource,
        token::{Token, TokenFacts},
    },
    store::error::StoreError,
};

/// A token.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct TokenRow {
    id: String,
    kind: String,
    client_id: Option<String>,
    user_id: Option<String>,
    owner: String,
    name: String,
    scopes: String,
    audience: String,
    epoch: i64,
    issued_at: i64,
    expires_at: Option<i64>,
    max_usages: Option<i64>,
}

impl TryFrom<TokenRow> for Token {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        let place = Place { table: "tokens", row: &row.id };
        Ok(Self {
            id: place.parse("id", &row.id)?,
            kind: place.parse("kind", &row.kind)?,
            client_id: place.parse_some("client_id", row.client_id.as_deref())?,
            user_id: place.parse_some("user_id", row.user_id.as_deref())?,
            owner: place.parse("owner", &row.owner)?,
            name: row.name,
            scopes: place.parse("scopes", &row.scopes)?,
            audience: row.audience,
            epoch: row.epoch,
            issued_at: Instant::from_micros(row.issued_at),
            expires_at: row.expires_at.map(Instant::from_micros),
            max_usages: row.max_usages,
        })
    }
}

/// An MCP token with all that is told of it.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct McpTokenRow {
    #[sqlx(flatten)]
    token: TokenRow,
    hint: String,
    active: bool,
    revoked_at: Option<i64>,
    minted_by: String,
    mint_reason: Option<String>,
    minted_with: Option<String>,
    rotated_at: Option<i64>,
    previous_until: Option<i64>,
    usages: i64,
    last_used_at: Option<i64>,
    last_address: Option<String>,
    revision: i64,
}

impl TryFrom<McpTokenRow> for McpToken {
    type Error = StoreError;

    fn try_from(row: McpTokenRow) -> Result<Self, StoreError> {
        let place = Place { table: "tokens", row: &row.token.id };
        let minted_with = place.parse_some("minted_with", row.minted_with.as_deref())?;
        Ok(Self {
            hint: row.hint,
            active: row.active,
            revoked_at: row.revoked_at.map(Instant::from_micros),
            minted_by: row.minted_by,
            mint_reason: row.mint_reason,
            minted_with,
            rotated_at: row.rotated_at.map(Instant::from_micros),
            previous_until: row.previous_until.map(Instant::from_micros),
            usages: row.usages,
            last_used_at: row.last_used_at.map(Instant::from_micros),
            last_address: row.last_address,
            revision: row.revision,
            token: row.token.try_into()?,
        })
    }
}

/// A token to insert.
#[derive(Serialize)]
pub(in crate::store) struct TokenParameters<'a> {
    id: String,
    client_id: Option<String>,
    user_id: Option<String>,
    owner: String,
    name: &'a str,
    scopes: String,
    audience: &'a str,
    epoch: i64,
    issued_at: i64,
    expires_at: Option<i64>,
    max_usages: Option<i64>,
}

impl<'a> From<&'a Token> for TokenParameters<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            id: token.id.to_string(),
            client_id: token.client_id.map(|id| id.to_string()),
            user_id: token.user_id.map(|id| id.to_string()),
            owner: token.owner.to_string(),
            name: &token.name,
            scopes: token.scopes.to_string(),
            audience: &token.audience,
            epoch: token.epoch,
            issued_at: token.issued_at.micros(),
            expires_at: token.expires_at.map(Instant::micros),
            max_usages: token.max_usages,
        }
    }
}

/// Facts of a token.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct TokenFactsRow {
    id: String,
    active: bool,
    expires_at: Option<i64>,
    epoch: i64,
    holder_active: bool,
    uses_left: Option<i64>,
    previous_epoch: Option<i64>,
    previous_until: Option<i64>,
    withdrawals: i64,
}

impl TryFrom<TokenFactsRow> for TokenFacts {
    type Error = StoreError;

    fn try_from(row: TokenFactsRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: Place { table: "tokens", row: &row.id }.parse("id", &row.id)?,
            active: row.active,
            expires_at: row.expires_at.map(Instant::from_micros),
            epoch: row.epoch,
            holder_active: row.holder_active,
            uses_left: row.uses_left,
            previous: row.previous_epoch.zip(row.previous_until.map(Instant::from_micros)),
            withdrawals: row.withdrawals,
        })
    }
}

/// A client.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct ClientRow {
    id: String,
    owner: String,
    name: String,
    role: Option<String>,
    scopes: String,
    active: bool,
    epoch: i64,
    revision: i64,
    created_at: i64,
}

/// A client found by its id.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct FoundClientRow {
    #[sqlx(flatten)]
    pub(in crate::store) client: ClientRow,
    pub(in crate::store) owner_stands: bool,
}

impl TryFrom<ClientRow> for Client {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        let place = Place { table: "clients", row: &row.id };
        Ok(Self {
            id: place.parse("id", &row.id)?,
            owner: place.parse("owner", &row.owner)?,
            role: place.parse_some("role", row.role.as_deref())?,
            scopes: place.parse("scopes", &row.scopes)?,
            name: row.name,
            active: row.active,
            epoch: row.epoch,
            revision: row.revision,
            created_at: Instant::from_micros(row.created_at),
        })
    }
}

/// A resource server.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct ResourceRow {
    id: String,
    created_at: i64,
}

impl TryFrom<ResourceRow> for Resource {
    type Error = StoreError;

    fn try_from(row: ResourceRow) -> Result<Self, StoreError> {
        let uri = Place { table: "resources", row: &row.id }.parse("uri", &row.id)?;
        Ok(Self { uri, created_at: Instant::from_micros(row.created_at) })
    }
}
