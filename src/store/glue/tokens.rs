//! Tokens, clients and resource servers.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{
    db,
    run::{Connection, change, execute, fetch, find, find_model, load_readable, micros, query, set, text},
};
use crate::{
    model::{
        client::Client,
        id::{ClientId, TokenId},
        instant::Instant,
        organization::Role,
        owner::Owner,
        token::{Token, TokenFacts},
    },
    store::{
        backend::SecretDigest,
        error::StoreError,
        rows::{ClientRow, Place, TokenFactsRow, TokenParameters, TokenRow, by_id},
        sql::tokens as sql,
    },
};

/// Facts that stay true until the transaction ends.
pub(super) async fn hold(
    connection: &mut Connection,
    ids: &[TokenId],
) -> Result<Vec<TokenFacts>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    if db::LOCKS_ROWS {
        execute(connection, set(&sql::HOLD, by_id(ids))?).await?;
    }
    facts(connection, ids).await
}

pub(super) async fn facts(
    connection: &mut Connection,
    ids: &[TokenId],
) -> Result<Vec<TokenFacts>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load_readable::<TokenFactsRow, _>(connection, set(&sql::FACTS, by_id(ids))?).await
}

pub(super) async fn find_token(
    connection: &mut Connection,
    id: TokenId,
) -> Result<Option<Token>, StoreError> {
    find_model::<TokenRow, _>(connection, query(&sql::FIND).bind(id.to_string())).await
}

pub(super) async fn find_mcp(connection: &mut Connection, digest: &str) -> Result<Option<Token>, StoreError> {
    find_model::<TokenRow, _>(connection, query(&sql::FIND_MCP).bind(digest.to_owned())).await
}

pub(super) async fn insert_access(
    connection: &mut Connection,
    tokens: &[(Token, String)],
) -> Result<Vec<TokenId>, StoreError> {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        token: TokenParameters<'a>,
        secret: &'a str,
    }
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tokens.iter().map(|(token, secret)| Row { token: TokenParameters::from(token), secret });
    let statement = set(&sql::INSERT_ACCESS, rows)?;
    fetch(connection, statement).await?.into_iter().map(token_id).collect()
}

pub(super) async fn revoke(
    connection: &mut Connection,
    tokens: &[(TokenId, ClientId)],
    at: Instant,
) -> Result<Vec<TokenId>, StoreError> {
    #[derive(Serialize)]
    struct Row {
        of_id: String,
        of_client: String,
    }
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tokens.iter().map(|(id, client)| Row { of_id: id.to_string(), of_client: client.to_string() });
    let statement = set(&sql::REVOKE, rows)?.bind(at.micros());
    fetch(connection, statement).await?.into_iter().map(token_id).collect()
}

pub(super) async fn count_uses(
    connection: &mut Connection,
    uses: &[(TokenId, i64)],
    at: Instant,
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Row {
        of_id: String,
        uses: i64,
    }
    if uses.is_empty() {
        return Ok(());
    }
    // A statement touches a row once: what uses the same token is added up before.
    let mut sums: BTreeMap<TokenId, i64> = BTreeMap::new();
    for (id, uses) in uses {
        *sums.entry(*id).or_default() += uses;
    }
    let tokens = sums.len() as u64;
    let rows = sums.into_iter().map(|(id, uses)| Row { of_id: id.to_string(), uses });
    let counted = execute(connection, set(&sql::COUNT_USES, rows)?.bind(at.micros())).await?;
    // Another transaction took the last uses since the facts were read: tried again, the batch sees that.
    if counted == tokens { Ok(()) } else { Err(StoreError::Serialization(Arc::new(UsedUp))) }
}

pub(super) async fn record_usage(
    connection: &mut Connection,
    uses: &[(TokenId, i64, Instant, Option<String>)],
) -> Result<u64, StoreError> {
    #[derive(Serialize)]
    struct Row<'a> {
        of_id: String,
        uses: i64,
        at: i64,
        address: Option<&'a str>,
    }
    let rows = uses.iter().map(|(id, uses, at, address)| Row {
        of_id: id.to_string(),
        uses: *uses,
        at: at.micros(),
        address: address.as_deref(),
    });
    execute(connection, set(&sql::RECORD_USAGE, rows)?).await
}

pub(super) async fn insert_mcp(
    connection: &mut Connection,
    token: &Token,
    digest: &str,
) -> Result<u64, StoreError> {
    let statement = query(&sql::INSERT_MCP)
        .bind(token.id.to_string())
        .bind(digest.to_owned())
        .bind(text(token.user_id))
        .bind(token.owner.to_string())
        .bind(token.name.clone())
        .bind(token.scopes.to_string())
        .bind(token.audience.clone())
        .bind(token.epoch)
        .bind(token.issued_at.micros())
        .bind(micros(token.expires_at))
        .bind(token.max_usages);
    change(connection, statement, "the user").await
}

/// Answers whose leases to look at.
pub(super) async fn set_active(
    connection: &mut Connection,
    id: TokenId,
    active: bool,
) -> Result<Option<String>, StoreError> {
    let statement = query(&sql::SET_ACTIVE).bind(id.to_string()).bind(active);
    let row: Option<(Option<String>,)> = find(connection, statement).await?;
    row.map(|(user,)| user).ok_or(StoreError::Missing("the token"))
}

pub(super) async fn prune(
    connection: &mut Connection,
    before: Instant,
    limit: u16,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::PRUNE).bind(before.micros()).bind(i64::from(limit))).await
}

pub(super) async fn find_client(
    connection: &mut Connection,
    id: ClientId,
    now: Instant,
) -> Result<Option<(Client, Vec<SecretDigest>)>, StoreError> {
    let id = id.to_string();
    let client =
        find_model::<ClientRow, Client>(connection, query(&sql::FIND_CLIENT).bind(id.clone())).await?;
    let Some(client) = client else { return Ok(None) };
    let statement = query(&sql::CLIENT_SECRETS).bind(id).bind(now.micros());
    let digests: Vec<(String, Option<i64>)> = fetch(connection, statement).await?;
    let digests = digests.into_iter().map(|(digest, until)| (digest, until.map(Instant::from_micros)));
    Ok(Some((client, digests.collect())))
}

pub(super) async fn insert_client(
    connection: &mut Connection,
    client: &Client,
    digest: &str,
) -> Result<u64, StoreError> {
    let statement = query(&sql::INSERT_CLIENT)
        .bind(client.id.to_string())
        .bind(client.owner.to_string())
        .bind(client.name.clone())
        .bind(client.role.map(Role::as_str))
        .bind(client.scopes.to_string())
        .bind(client.active)
        .bind(client.epoch)
        .bind(client.created_at.micros());
    change(connection, statement, "the owner").await?;
    insert_secret(connection, client.id, digest).await
}

pub(super) async fn rotate_secret(
    connection: &mut Connection,
    id: ClientId,
    digest: &str,
    until: Instant,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::END_SECRETS).bind(id.to_string()).bind(until.micros())).await?;
    insert_secret(connection, id, digest).await
}

async fn insert_secret(connection: &mut Connection, id: ClientId, digest: &str) -> Result<u64, StoreError> {
    let statement = query(&sql::INSERT_SECRET).bind(id.to_string()).bind(digest.to_owned());
    change(connection, statement, "the client").await
}

pub(super) async fn set_client_active(
    connection: &mut Connection,
    id: ClientId,
    active: bool,
) -> Result<u64, StoreError> {
    let statement = query(&sql::SET_CLIENT_ACTIVE).bind(id.to_string()).bind(active);
    change(connection, statement, "the client").await
}

/// Answers the organization.
pub(super) async fn set_client_role(
    connection: &mut Connection,
    id: ClientId,
    role: Role,
) -> Result<Owner, StoreError> {
    let statement = query(&sql::SET_CLIENT_ROLE).bind(id.to_string()).bind(role.as_str());
    let row: Option<(String,)> = find(connection, statement).await?;
    let (owner,) = row.ok_or(StoreError::Missing("the organization's client"))?;
    Place { table: "clients", row: &id.to_string() }.parse("owner", &owner)
}

pub(super) async fn is_resource(connection: &mut Connection, uri: &str) -> Result<bool, StoreError> {
    let row: Option<(String,)> = find(connection, query(&sql::FIND_RESOURCE).bind(uri.to_owned())).await?;
    Ok(row.is_some())
}

pub(super) async fn insert_resource(
    connection: &mut Connection,
    uri: &str,
    at: Instant,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::INSERT_RESOURCE).bind(uri.to_owned()).bind(at.micros())).await
}

fn token_id((id,): (String,)) -> Result<TokenId, StoreError> {
    Place { table: "tokens", row: &id }.parse("id", &id)
}

#[derive(Debug, thiserror::Error)]
#[error("the last uses of a token were taken by another transaction meanwhile")]
struct UsedUp;
