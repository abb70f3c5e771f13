//! Rows of tokens and clients.

use serde::Serialize;

use super::Place;
use crate::{
    model::{
        client::Client,
        instant::Instant,
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
}

impl TryFrom<TokenFactsRow> for TokenFacts {
    type Error = StoreError;

    fn try_from(row: TokenFactsRow) -> Result<Self, StoreError> {
        let TokenFactsRow { id, active, expires_at, epoch, holder_active, uses_left } = row;
        let id = Place { table: "tokens", row: &id }.parse("id", &id)?;
        let expires_at = expires_at.map(Instant::from_micros);
        Ok(Self { id, active, expires_at, epoch, holder_active, uses_left })
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
    created_at: i64,
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
            created_at: Instant::from_micros(row.created_at),
        })
    }
}
