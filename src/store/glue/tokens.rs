//! Tokens, clients and resource servers.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{
    db,
    run::{Connection, Query, change, execute, fetch, find, find_model, list, load_readable, query, set},
};
use crate::{
    model::{
        client::{Client, ClientFilter, SecretAge},
        id::{ClientId, TokenId},
        instant::Instant,
        organization::Role,
        owner::Owner,
        page::{Cursor, ListQuery, Page},
        resource::{Resource, ResourceUri},
        token::{Token, TokenFacts},
    },
    store::{
        admin::ClientPatch,
        backend::FoundClient,
        error::StoreError,
        rows::{
            ClientRow, FoundClientRow, Place, ResourceRow, TokenFactsRow, TokenParameters, TokenRow, by_id,
        },
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

/// Answers how many were on.
pub(super) async fn switch_off_mcp(connection: &mut Connection) -> Result<u64, StoreError> {
    execute(connection, query(&sql::SWITCH_OFF_MCP)).await
}

pub(super) async fn raise_client_epochs(connection: &mut Connection) -> Result<u64, StoreError> {
    execute(connection, query(&sql::RAISE_CLIENT_EPOCHS)).await
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
) -> Result<Option<FoundClient>, StoreError> {
    let id = id.to_string();
    let row: Option<FoundClientRow> = find(connection, query(&sql::FIND_CLIENT).bind(id.clone())).await?;
    let Some(FoundClientRow { client, owner_stands }) = row else { return Ok(None) };
    let statement = query(&sql::CLIENT_SECRETS).bind(id).bind(now.micros());
    let digests: Vec<(String, Option<i64>)> = fetch(connection, statement).await?;
    let digests = digests.into_iter().map(|(digest, until)| (digest, until.map(Instant::from_micros)));
    Ok(Some(FoundClient { client: client.try_into()?, owner_stands, secrets: digests.collect() }))
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
    insert_secret(connection, client.id, digest, client.created_at).await
}

pub(super) async fn rotate_secret(
    connection: &mut Connection,
    id: ClientId,
    digest: &str,
    at: Instant,
    until: Instant,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::END_SECRETS).bind(id.to_string()).bind(until.micros())).await?;
    insert_secret(connection, id, digest, at).await?;
    let statement = query(&sql::PRUNE_SECRETS).bind(id.to_string()).bind(at.micros()).bind(MOST_SECRETS);
    execute(connection, statement).await?;
    change(connection, query(&sql::RAISE_CLIENT_REVISION).bind(id.to_string()), CLIENT).await
}

async fn insert_secret(
    connection: &mut Connection,
    id: ClientId,
    digest: &str,
    at: Instant,
) -> Result<u64, StoreError> {
    let statement = query(&sql::INSERT_SECRET).bind(id.to_string()).bind(digest.to_owned()).bind(at.micros());
    change(connection, statement, CLIENT).await
}

/// Name and scopes.
pub(super) async fn update_client(
    connection: &mut Connection,
    id: ClientId,
    patch: &ClientPatch,
) -> Result<u64, StoreError> {
    let scopes = patch.scopes.as_ref().map(ToString::to_string);
    let statement = query(&sql::UPDATE_CLIENT).bind(id.to_string()).bind(patch.name.clone()).bind(scopes);
    change(connection, statement, CLIENT).await
}

pub(super) async fn delete_client(connection: &mut Connection, id: ClientId) -> Result<u64, StoreError> {
    execute(connection, query(&sql::DELETE_SECRETS).bind(id.to_string())).await?;
    change(connection, query(&sql::DELETE_CLIENT).bind(id.to_string()), CLIENT).await
}

pub(super) async fn client_has_revision(
    connection: &mut Connection,
    id: ClientId,
    revision: i64,
) -> Result<bool, StoreError> {
    let row: Option<(String,)> =
        find(connection, query(&sql::CLIENT_HAS_REVISION).bind(id.to_string()).bind(revision)).await?;
    Ok(row.is_some())
}

/// A page of clients, of everybody or of one owner.
pub(super) async fn list_clients(
    connection: &mut Connection,
    wanted: &ListQuery<ClientFilter>,
) -> Result<Page<Client, Cursor>, StoreError> {
    let ClientFilter { owner, active } = wanted.filter;
    match owner {
        None => {
            let bind = |query: Query<'static>| query.bind(active);
            list::<ClientRow, _, _>(connection, &sql::LIST_CLIENTS, wanted, bind).await
        }
        Some(owner) => {
            let bind = |query: Query<'static>| query.bind(active).bind(owner.to_string());
            list::<ClientRow, _, _>(connection, &sql::LIST_CLIENTS_OF_OWNER, wanted, bind).await
        }
    }
}

/// The present one first.
pub(super) async fn secret_ages(
    connection: &mut Connection,
    ids: &[ClientId],
    now: Instant,
) -> Result<Vec<(ClientId, SecretAge)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let statement = set(&sql::SECRET_AGES, by_id(ids))?.bind(now.micros());
    let rows: Vec<(String, i64, Option<i64>)> = fetch(connection, statement).await?;
    let age = |(id, created_at, expires_at): (String, i64, Option<i64>)| {
        let id = Place { table: "client_secrets", row: &id }.parse("client_id", &id)?;
        let expires_at = expires_at.map(Instant::from_micros);
        Ok((id, SecretAge { created_at: Instant::from_micros(created_at), expires_at }))
    };
    rows.into_iter().map(age).collect()
}

pub(super) async fn set_client_active(
    connection: &mut Connection,
    id: ClientId,
    active: bool,
) -> Result<u64, StoreError> {
    let statement = query(&sql::SET_CLIENT_ACTIVE).bind(id.to_string()).bind(active);
    change(connection, statement, CLIENT).await
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
    uri: &ResourceUri,
    at: Instant,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::INSERT_RESOURCE).bind(uri.to_string()).bind(at.micros())).await
}

pub(super) async fn delete_resource(
    connection: &mut Connection,
    uri: &ResourceUri,
) -> Result<u64, StoreError> {
    change(connection, query(&sql::DELETE_RESOURCE).bind(uri.to_string()), "the resource server").await
}

pub(super) async fn list_resources(
    connection: &mut Connection,
    wanted: &ListQuery<()>,
) -> Result<Page<Resource, Cursor>, StoreError> {
    list::<ResourceRow, _, _>(connection, &sql::LIST_RESOURCES, wanted, |query| query).await
}

fn token_id((id,): (String,)) -> Result<TokenId, StoreError> {
    Place { table: "tokens", row: &id }.parse("id", &id)
}

const CLIENT: &str = "the client";
/// The most secrets of one client: the present one, and those that are rotated out.
const MOST_SECRETS: i64 = 8;

#[derive(Debug, thiserror::Error)]
#[error("the last uses of a token were taken by another transaction meanwhile")]
struct UsedUp;
