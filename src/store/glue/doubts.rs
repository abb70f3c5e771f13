//! Doubts: which leases to look at after a change. Raised with the change, worked off a bounded part at a time.
//!
//! A doubt walks its leases in the order of their ids. One that a fence raised starts over until a whole pass finds
//! nothing; only then is the fence settled, so that it never lifts from a lease that was not marked.

use super::{
    journal, leases,
    run::{Connection, execute, fetch, query, text},
};
use crate::{
    model::{
        id::{ClientId, CredentialId, LeaseId, OrganizationId, UserId},
        instant::Instant,
        lease::LeaseState,
        standing::{LeaseFacts, Standing},
    },
    store::{
        admin::Fence,
        error::StoreError,
        rows::Place,
        sql::{Statement, doubts as sql},
    },
};

/// Which leases a doubt is about.
#[derive(Clone, Copy)]
pub(super) enum Doubted {
    /// All.
    Any,
    /// A client's.
    Client(ClientId),
    /// Those that rest on a credential.
    Credential(CredentialId),
    /// Those that rest on an organization's credentials.
    Organization(OrganizationId),
    /// Those taken for a user.
    User(UserId),
}

#[derive(sqlx::FromRow)]
struct DoubtRow {
    kind: String,
    target: String,
    fence_seq: i64,
    cursor: String,
    dirty: bool,
}

pub(super) async fn raise(
    connection: &mut Connection,
    doubted: Doubted,
    fence_seq: i64,
) -> Result<(), StoreError> {
    let (kind, target) = match doubted {
        Doubted::Any => (ANY, String::new()),
        Doubted::Client(id) => (CLIENT, id.to_string()),
        Doubted::Credential(id) => (CREDENTIAL, id.to_string()),
        Doubted::Organization(id) => (ORGANIZATION, id.to_string()),
        Doubted::User(id) => (USER, id.to_string()),
    };
    execute(connection, query(&sql::RAISE).bind(kind).bind(target).bind(fence_seq)).await?;
    Ok(())
}

/// Doubts every lease that an organization's clients took.
pub(super) async fn raise_clients(
    connection: &mut Connection,
    owner: OrganizationId,
) -> Result<(), StoreError> {
    execute(connection, query(&sql::RAISE_CLIENTS).bind(owner.to_string())).await?;
    Ok(())
}

pub(super) async fn place_fence(connection: &mut Connection, fence: &Fence) -> Result<u64, StoreError> {
    let seq = journal::count(connection, "fence").await?;
    let statement = query(&sql::PLACE)
        .bind(seq)
        .bind(fence.id.clone())
        .bind(text(fence.client_id))
        .bind(text(fence.user_id))
        .bind(text(fence.organization_id))
        .bind(text(fence.credential_id))
        .bind(fence.service.clone())
        .bind(fence.server_id.clone())
        .bind(fence.created_at.micros())
        .bind(fence.reason.clone());
    let touched = execute(connection, statement).await?;
    raise(connection, narrowest(fence), seq).await?;
    Ok(touched)
}

/// Active, unexpired leases that may not hold, an equal share for each doubt; and whether there was any doubt.
pub(super) async fn lock_doubtful(
    connection: &mut Connection,
    now: Instant,
    limit: u16,
) -> Result<(Vec<LeaseFacts>, bool), StoreError> {
    let doubts: Vec<DoubtRow> = fetch(connection, query(&sql::TAKE).bind(DOUBTS_AT_ONCE)).await?;
    let mut ids = Vec::new();
    let mut left = doubts.len();
    let any = left > 0;
    for doubt in doubts {
        let room = usize::from(limit).saturating_sub(ids.len());
        let share = room.div_ceil(left.max(1));
        left = left.saturating_sub(1);
        ids.extend(work(connection, doubt, share, now).await?);
    }
    ids.sort_unstable();
    ids.dedup();
    let mut doubtful = leases::lock(connection, &ids).await?;
    doubtful.retain(|facts| {
        let may_not_hold = matches!(facts.standing(now), Standing::Revoked | Standing::Recheck);
        facts.lease.state == LeaseState::Active && facts.lease.expires_at > now && may_not_hold
    });
    Ok((doubtful, any))
}

async fn work(
    connection: &mut Connection,
    doubt: DoubtRow,
    share: usize,
    now: Instant,
) -> Result<Vec<LeaseId>, StoreError> {
    if share == 0 {
        return Ok(Vec::new());
    }
    let statement = query(look(&doubt)?)
        .bind(doubt.target.clone())
        .bind(doubt.cursor.clone())
        .bind(i64::from(WINDOW))
        .bind(now.micros());
    let window: Vec<(String, bool)> = fetch(connection, statement).await?;
    let mut found = Vec::new();
    let mut cursor = doubt.cursor.clone();
    let mut exhausted = window.len() < usize::from(WINDOW);
    for (id, doubtful) in window {
        if doubtful && found.len() == share {
            exhausted = false;
            break;
        }
        if doubtful {
            found.push(Place { table: "leases", row: &id }.parse("id", &id)?);
        }
        cursor = id;
    }
    let dirty = doubt.dirty || !found.is_empty();
    advance(connection, &doubt, (!exhausted).then_some(cursor), dirty, now).await?;
    Ok(found)
}

async fn advance(
    connection: &mut Connection,
    doubt: &DoubtRow,
    cursor: Option<String>,
    dirty: bool,
    now: Instant,
) -> Result<(), StoreError> {
    let DoubtRow { kind, target, fence_seq, .. } = doubt;
    let (cursor, dirty) = match cursor {
        Some(cursor) => (cursor, dirty),
        None if *fence_seq > 0 && dirty => (String::new(), false),
        None => {
            execute(connection, query(&sql::END).bind(kind.clone()).bind(target.clone()).bind(*fence_seq))
                .await?;
            if *fence_seq > 0 {
                execute(connection, query(&sql::SETTLE).bind(*fence_seq).bind(now.micros())).await?;
            }
            return Ok(());
        }
    };
    let turn = journal::count(connection, "doubt").await?;
    let statement = query(&sql::ADVANCE)
        .bind(kind.clone())
        .bind(target.clone())
        .bind(*fence_seq)
        .bind(turn)
        .bind(cursor)
        .bind(dirty);
    execute(connection, statement).await?;
    Ok(())
}

fn look(doubt: &DoubtRow) -> Result<&'static Statement, StoreError> {
    match doubt.kind.as_str() {
        ANY => Ok(&sql::LOOK_ANY),
        CLIENT => Ok(&sql::LOOK_CLIENT),
        CREDENTIAL => Ok(&sql::LOOK_CREDENTIAL),
        ORGANIZATION => Ok(&sql::LOOK_ORGANIZATION),
        USER => Ok(&sql::LOOK_USER),
        _ => Err(Place { table: "doubts", row: &doubt.target }.corrupt("kind")),
    }
}

/// The filter that leaves the fewest leases to look at; the view judges the others.
fn narrowest(fence: &Fence) -> Doubted {
    let credential = fence.credential_id.map(Doubted::Credential);
    let client = fence.client_id.map(Doubted::Client);
    let user = fence.user_id.map(Doubted::User);
    let organization = fence.organization_id.map(Doubted::Organization);
    credential.or(client).or(user).or(organization).unwrap_or(Doubted::Any)
}

const ANY: &str = "any";
const CLIENT: &str = "client";
const CREDENTIAL: &str = "credential";
const ORGANIZATION: &str = "organization";
const USER: &str = "user";

/// How many doubts share one call.
const DOUBTS_AT_ONCE: i64 = 8;
/// How many leases are looked at for each.
const WINDOW: u16 = 1_024;
