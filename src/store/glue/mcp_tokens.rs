//! MCP tokens: minted, given new texts, switched and revoked.

use super::run::{Connection, Query, change, execute, fetch, find, find_model, list, micros, query, text};
use crate::{
    model::{
        id::{TokenId, UserId},
        instant::Instant,
        mcp_token::{McpToken, McpTokenFilter, McpTokenStatus},
        owner::Owner,
        page::{Cursor, ListQuery, Page},
        token::Token,
    },
    store::{
        admin::{MintedToken, NewText},
        error::StoreError,
        rows::{McpTokenRow, Place, TokenRow},
        sql::mcp_tokens as sql,
    },
};

pub(super) async fn find_by_text(
    connection: &mut Connection,
    digest: &str,
) -> Result<Option<Token>, StoreError> {
    find_model::<TokenRow, _>(connection, query(&sql::FIND_BY_TEXT).bind(digest.to_owned())).await
}

pub(super) async fn find_one(
    connection: &mut Connection,
    id: TokenId,
) -> Result<Option<McpToken>, StoreError> {
    find_model::<McpTokenRow, _>(connection, query(&sql::FIND).bind(id.to_string())).await
}

pub(super) async fn list_some(
    connection: &mut Connection,
    wanted: &ListQuery<McpTokenFilter>,
) -> Result<Page<McpToken, Cursor>, StoreError> {
    let McpTokenFilter { owner, status, now } = &wanted.filter;
    let bind = |query: Query<'static>| query.bind(status.map(McpTokenStatus::as_str)).bind(now.micros());
    match owner {
        None => list::<McpTokenRow, _, _>(connection, &sql::LIST, wanted, bind).await,
        Some(owner) => {
            let bind = |query| bind(query).bind(owner.to_string());
            list::<McpTokenRow, _, _>(connection, &sql::LIST_OF_OWNER, wanted, bind).await
        }
    }
}

pub(super) async fn count_live(
    connection: &mut Connection,
    owner: Owner,
    now: Instant,
) -> Result<i64, StoreError> {
    let statement = query(&sql::COUNT_LIVE).bind(owner.to_string()).bind(now.micros());
    let count: Option<(i64,)> = find(connection, statement).await?;
    Ok(count.map_or(0, |(count,)| count))
}

pub(super) async fn has_revision(
    connection: &mut Connection,
    id: TokenId,
    revision: i64,
) -> Result<bool, StoreError> {
    let row: Option<(String,)> =
        find(connection, query(&sql::REVISION).bind(id.to_string()).bind(revision)).await?;
    Ok(row.is_some())
}

pub(super) async fn insert(connection: &mut Connection, minted: &MintedToken) -> Result<u64, StoreError> {
    let MintedToken { token, digest, hint, minter, minted_with } = minted;
    let statement = query(&sql::INSERT)
        .bind(token.id.to_string())
        .bind(digest.clone())
        .bind(text(token.user_id))
        .bind(token.owner.to_string())
        .bind(token.name.clone())
        .bind(token.scopes.to_string())
        .bind(token.audience.clone())
        .bind(token.epoch)
        .bind(token.issued_at.micros())
        .bind(micros(token.expires_at))
        .bind(token.max_usages)
        .bind(hint.clone())
        .bind(minter.by.clone())
        .bind(minter.reason.clone())
        .bind(text(*minted_with));
    change(connection, statement, "the user").await
}

pub(super) async fn rotate(connection: &mut Connection, new: &NewText) -> Result<u64, StoreError> {
    let NewText { id, digest, hint, at, previous_until, minter, minted_with } = new;
    let statement = query(&sql::ROTATE)
        .bind(id.to_string())
        .bind(digest.clone())
        .bind(at.micros())
        .bind(previous_until.micros())
        .bind(hint.clone())
        .bind(text(*minted_with))
        .bind(minter.by.clone())
        .bind(minter.reason.clone());
    match execute(connection, statement).await? {
        0 if exists(connection, *id).await? => {
            Err(StoreError::Conflict { constraint: "mcp_token_revoked".to_owned() })
        }
        0 => Err(StoreError::Missing(TOKEN)),
        touched => Ok(touched),
    }
}

pub(super) async fn rename(connection: &mut Connection, id: TokenId, name: &str) -> Result<u64, StoreError> {
    change(connection, query(&sql::RENAME).bind(id.to_string()).bind(name.to_owned()), TOKEN).await
}

/// Answers whose leases to look at.
pub(super) async fn set_active(
    connection: &mut Connection,
    id: TokenId,
    active: bool,
) -> Result<Option<UserId>, StoreError> {
    let statement = query(&sql::SET_ACTIVE).bind(id.to_string()).bind(active);
    let row: Option<(Option<String>,)> = find(connection, statement).await?;
    let (user,) = row.ok_or(StoreError::Missing(TOKEN))?;
    Place { table: "tokens", row: &id.to_string() }.parse_some("user_id", user.as_deref())
}

/// Answers the tokens that it ended, each with its user.
pub(super) async fn revoke(
    connection: &mut Connection,
    id: TokenId,
    at: Instant,
) -> Result<Vec<(TokenId, Option<UserId>)>, StoreError> {
    let statement = query(&sql::REVOKE).bind(id.to_string()).bind(at.micros());
    let rows: Vec<(String, Option<String>)> = fetch(connection, statement).await?;
    if rows.is_empty() && !exists(connection, id).await? {
        return Err(StoreError::Missing(TOKEN));
    }
    let parse = |(id, user): (String, Option<String>)| {
        let place = Place { table: "tokens", row: &id };
        Ok((place.parse("id", &id)?, place.parse_some("user_id", user.as_deref())?))
    };
    rows.into_iter().map(parse).collect()
}

async fn exists(connection: &mut Connection, id: TokenId) -> Result<bool, StoreError> {
    let row: Option<(String,)> = find(connection, query(&sql::EXISTS).bind(id.to_string())).await?;
    Ok(row.is_some())
}

const TOKEN: &str = "the token";
