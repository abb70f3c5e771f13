//! Links by which people connect accounts.

use super::{
    credentials::sharing_json,
    run::{Connection, execute, find_model, query, text},
};
use crate::{
    model::{connection::ConnectLink, id::ConnectLinkId, instant::Instant},
    store::{admin::LinkChange, error::StoreError, rows::ConnectLinkRow, sql::connections as sql},
};

pub(super) async fn find(
    connection: &mut Connection,
    id: ConnectLinkId,
) -> Result<Option<ConnectLink>, StoreError> {
    find_model::<ConnectLinkRow, _>(connection, query(&sql::FIND).bind(id.to_string())).await
}

pub(super) async fn find_by_digest(
    connection: &mut Connection,
    digest: &str,
) -> Result<Option<ConnectLink>, StoreError> {
    find_model::<ConnectLinkRow, _>(connection, query(&sql::FIND_BY_DIGEST).bind(digest.to_owned())).await
}

pub(super) async fn find_by_flow(
    connection: &mut Connection,
    flow: &str,
) -> Result<Option<ConnectLink>, StoreError> {
    find_model::<ConnectLinkRow, _>(connection, query(&sql::FIND_BY_FLOW).bind(flow.to_owned())).await
}

/// 0 when another step was first, but for a new one.
pub(super) async fn apply(connection: &mut Connection, change: &LinkChange) -> Result<u64, StoreError> {
    let statement = match change {
        LinkChange::Create(link, digest) => return insert(connection, link, digest).await,
        LinkChange::Bind(id, browser) => query(&sql::BIND).bind(id.to_string()).bind(browser.clone()),
        LinkChange::Begin(id, browser, flow, at) => {
            let begin = query(&sql::BEGIN).bind(id.to_string()).bind(browser.clone());
            begin.bind(flow.clone()).bind(at.micros())
        }
        LinkChange::Exchange(id) => query(&sql::EXCHANGE).bind(id.to_string()),
        LinkChange::Connect(id, credential, identity) => {
            query(&sql::CONNECT).bind(id.to_string()).bind(credential.to_string()).bind(identity.clone())
        }
        LinkChange::Confirm(id) => query(&sql::CONFIRM).bind(id.to_string()),
        LinkChange::Fail(id, why) => query(&sql::FAIL).bind(id.to_string()).bind(why.clone()),
    };
    match execute(connection, statement).await? {
        // These come with other changes, which must not happen without them.
        0 if matches!(change, LinkChange::Connect(..) | LinkChange::Confirm(_)) => {
            Err(StoreError::Conflict { constraint: "connect_links_state".to_owned() })
        }
        touched => Ok(touched),
    }
}

async fn insert(connection: &mut Connection, link: &ConnectLink, digest: &str) -> Result<u64, StoreError> {
    #[expect(clippy::expect_used, reason = "a JSON object always serialises")]
    let start = serde_json::to_string(&link.start).expect("an object serialises");
    let statement = query(&sql::INSERT)
        .bind(link.id.to_string())
        .bind(digest.to_owned())
        .bind(link.owner.to_string())
        .bind(link.service.to_string())
        .bind(link.account.to_string())
        .bind(sharing_json(&link.sharing))
        .bind(link.reconnects)
        .bind(text(link.credential_id))
        .bind(start)
        .bind(link.requested_by.clone())
        .bind(link.requester.clone())
        .bind(link.created_at.micros())
        .bind(link.expires_at.micros());
    execute(connection, statement).await
}

/// Links, and accounts that nobody confirmed.
pub(super) async fn prune(
    connection: &mut Connection,
    before: Instant,
    limit: u16,
) -> Result<u64, StoreError> {
    let bound = |statement| query(statement).bind(before.micros()).bind(i64::from(limit));
    let links = execute(connection, bound(&sql::PRUNE)).await?;
    let pending = execute(connection, bound(&sql::PRUNE_PENDING)).await?;
    Ok(links.max(pending))
}
