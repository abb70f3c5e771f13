//! Tokens that were made for one lease.

use super::{
    credentials::key_id,
    run::{self, Connection, Query, execute, find_model, load_readable, query},
};
use crate::{
    model::{
        id::LeaseId,
        instant::Instant,
        minted::{MintedState, MintedToken, PENDING_SECONDS},
        page::{Cursor, ListQuery, Page},
        service::ServiceRef,
    },
    store::{
        admin::MintedChange, backend::MintedFilter, error::StoreError, rows::MintedRow, sql::minted as sql,
    },
};

pub(super) async fn find(
    connection: &mut Connection,
    lease: LeaseId,
    name: &ServiceRef,
) -> Result<Option<MintedToken>, StoreError> {
    let statement = query(&sql::FIND).bind(lease.to_string()).bind(name.to_string());
    find_model::<MintedRow, _>(connection, statement).await
}

pub(super) async fn list_due(
    connection: &mut Connection,
    now: Instant,
    per_service: u16,
) -> Result<Vec<MintedToken>, StoreError> {
    let statement = query(&sql::LIST_DUE).bind(now.micros()).bind(i64::from(per_service));
    load_readable::<MintedRow, _>(connection, statement).await
}

pub(super) async fn list(
    connection: &mut Connection,
    wanted: &ListQuery<MintedFilter>,
) -> Result<Page<MintedToken, Cursor>, StoreError> {
    let MintedFilter { service, state } = &wanted.filter;
    let service = service.as_ref().map(ToString::to_string);
    let filters = |query: Query<'static>| query.bind(service).bind(state.map(MintedState::as_str));
    run::list::<MintedRow, _, _>(connection, &sql::LIST, wanted, filters).await
}

pub(super) async fn apply(connection: &mut Connection, change: &MintedChange) -> Result<u64, StoreError> {
    let statement = match change {
        MintedChange::Begin(token) => insert(token),
        MintedChange::Keep(id, sealed, until) => {
            valued(query(&sql::KEEP).bind(id.to_string()), sealed, *until)
        }
        MintedChange::Find(id, sealed, until) => {
            valued(query(&sql::FOUND).bind(id.to_string()), sealed, *until)
        }
        MintedChange::Forget(id) => query(&sql::FORGET).bind(id.to_string()),
        MintedChange::Withdraw(id, at) => query(&sql::WITHDRAW).bind(id.to_string()).bind(at.micros()),
        MintedChange::Retry(id, due, why) => {
            query(&sql::RETRY).bind(id.to_string()).bind(due.micros()).bind(why.clone())
        }
        MintedChange::Abandon(id, why) => query(&sql::ABANDON).bind(id.to_string()).bind(why.clone()),
        MintedChange::Sweep(now, limit) => {
            execute(connection, query(&sql::PRUNE).bind(now.micros())).await?;
            let begun = now.plus_seconds(-PENDING_SECONDS).micros();
            query(&sql::SWEEP).bind(now.micros()).bind(begun).bind(i64::from(*limit))
        }
    };
    execute(connection, statement).await
}

fn insert(token: &MintedToken) -> Query<'static> {
    query(&sql::INSERT)
        .bind(token.id.to_string())
        .bind(token.lease_id.to_string())
        .bind(token.name.to_string())
        .bind(token.service.to_string())
        .bind(token.credential_id.to_string())
        .bind(token.owner.to_string())
        .bind(token.expires_at.micros())
        .bind(token.created_at.micros())
}

fn valued(query: Query<'static>, sealed: &crate::model::sealed::Sealed, until: Instant) -> Query<'static> {
    query.bind(sealed.as_bytes().to_vec()).bind(key_id(sealed)).bind(until.micros())
}
