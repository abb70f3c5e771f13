//! Finding leases of everybody, a window at a time, and counting them.

use super::run::{Connection, Query, fetch, find, query, readable, text};
use crate::{
    model::{
        id::{Id as _, LeaseId, RANDOM_BYTES},
        instant::Instant,
        lease::LeaseStatus,
        page::{Cursor, ListQuery, Page},
        standing::LeaseFacts,
    },
    store::{
        backend::{LeaseFilter, LeaseTally, TallyQuery},
        error::StoreError,
        rows::{LeaseRow, Place},
        sql::{Statement, lease_search as sql},
    },
};

/// The index that leads to the fewest leases.
struct Walk {
    target: String,
    page: &'static Statement,
    end: &'static Statement,
}

pub(super) async fn find_some(
    connection: &mut Connection,
    wanted: &ListQuery<LeaseFilter>,
) -> Result<Page<LeaseFacts, Cursor>, StoreError> {
    let (walk, size) = (Walk::of(&wanted.filter, wanted.order.descending), wanted.size.items());
    let (low, high) = bounds(wanted);
    let window = if is_narrow(&wanted.filter) { i64::from(size) + 1 } else { WINDOW };
    let begin = |statement| {
        let query = query(statement).bind(walk.target.clone());
        query.bind(low.clone()).bind(high.clone()).bind(window)
    };
    let page = begin(walk.page).bind(i64::from(size) + 1);
    let mut rows: Vec<LeaseRow> = fetch(connection, bind_filter(page, &wanted.filter)).await?;
    let next = if rows.len() > usize::from(size) {
        rows.truncate(size.into());
        rows.last().map(LeaseRow::lease_id).transpose()?.map(|id| id.to_string())
    } else {
        let end: Option<(String,)> = find(connection, begin(walk.end)).await?;
        end.map(|(id,)| id)
    };
    let next = next.map(|id| Cursor { key: id.clone(), id });
    Ok(Page { items: readable(rows).collect(), next })
}

pub(super) async fn tally(
    connection: &mut Connection,
    wanted: &TallyQuery,
) -> Result<Page<LeaseTally, Cursor>, StoreError> {
    let TallyQuery { now, principal, organization_id, service, after, size } = wanted;
    let Cursor { key, id } = after.clone().unwrap_or(Cursor { key: String::new(), id: String::new() });
    let looked_at = i64::from(size.items()) + 1;
    let begin = |statement| {
        let query = query(statement).bind(id.clone()).bind(key.clone()).bind(now.micros());
        query.bind(service.as_ref().map(ToString::to_string)).bind(looked_at)
    };
    let statement = match (organization_id, principal) {
        (Some(organization), _) => {
            begin(&sql::TALLY_ORGANIZATION).bind(text(*principal)).bind(organization.to_string())
        }
        (None, Some(principal)) => begin(&sql::TALLY_PRINCIPAL).bind(principal.to_string()),
        (None, None) => begin(&sql::TALLY_ALL),
    };
    let rows: Vec<(String, String, i64)> = fetch(connection, statement).await?;
    let parse = |(principal, service, live): (String, String, i64)| {
        let place = Place { table: "leases", row: &principal };
        let service = place.parse("service", &service)?;
        Ok(LeaseTally { principal: place.parse("principal", &principal)?, service, live })
    };
    let mut items: Vec<LeaseTally> = rows.into_iter().map(parse).collect::<Result<_, StoreError>>()?;
    if items.len() > usize::from(size.items()) {
        items.truncate(size.items().into());
        let last = items.last();
        let next = last.map(|last| Cursor { key: last.service.to_string(), id: last.principal.to_string() });
        return Ok(Page { items, next });
    }
    if principal.is_some() || organization_id.is_some() {
        return Ok(Page { items, next: None });
    }
    let end = query(&sql::TALLY_ALL_END).bind(id).bind(key).bind(looked_at);
    let end: Option<(String,)> = find(connection, end).await?;
    Ok(Page { items, next: end.map(|(id,)| Cursor { key: String::new(), id }) })
}

impl Walk {
    fn of(filter: &LeaseFilter, descending: bool) -> Self {
        let LeaseFilter { principal, user_id, organization_id, credential_id, .. } = filter;
        let (target, up, down) = if let Some(id) = credential_id {
            (id.to_string(), CREDENTIAL_UP, CREDENTIAL_DOWN)
        } else if let Some(principal) = principal {
            (principal.to_string(), PRINCIPAL_UP, PRINCIPAL_DOWN)
        } else if let Some(id) = user_id {
            (id.to_string(), USER_UP, USER_DOWN)
        } else if let Some(id) = organization_id {
            (id.to_string(), ORGANIZATION_UP, ORGANIZATION_DOWN)
        } else {
            (String::new(), ALL_UP, ALL_DOWN)
        };
        let (page, end) = if descending { down } else { up };
        Self { target, page, end }
    }
}

/// The ids between which the page lies: those after the page before, of the time asked for. Ids follow the time of
/// creation to the millisecond.
fn bounds(wanted: &ListQuery<LeaseFilter>) -> (String, String) {
    let first_of = |at: Instant| LeaseId::from_parts(at, [0; RANDOM_BYTES]).to_string();
    let after = wanted.after.as_ref().map(|cursor| cursor.id.clone());
    let (mut low, mut high) = (Vec::new(), Vec::new());
    // Just below the first id of the millisecond: no id ends before its text does.
    low.extend(wanted.filter.created_from.map(|at| first_of(at).chars().take(CLOCK_CHARACTERS).collect()));
    high.extend(wanted.filter.created_before.map(|at| first_of(at.plus_micros(MILLISECOND))));
    if wanted.order.descending {
        high.extend(after);
    } else {
        low.extend(after);
    }
    let low: Option<String> = low.into_iter().max();
    let high = high.into_iter().min();
    (low.unwrap_or_default(), high.unwrap_or_else(|| AFTER_EVERY_ID.to_owned()))
}

/// Whether everything that is asked for is what the window is made by.
fn is_narrow(filter: &LeaseFilter) -> bool {
    let along = [
        filter.principal.is_some(),
        filter.user_id.is_some(),
        filter.organization_id.is_some(),
        filter.credential_id.is_some(),
    ];
    let judged = [
        filter.service.is_some(),
        filter.server_id.is_some(),
        filter.status.is_some(),
        filter.created_from.is_some(),
        filter.created_before.is_some(),
    ];
    along.into_iter().filter(|given| *given).count() <= 1 && !judged.contains(&true)
}

fn bind_filter(query: Query<'static>, filter: &LeaseFilter) -> Query<'static> {
    let own_alone = filter.organization_id.filter(|_| filter.own_alone);
    query
        .bind(filter.now.micros())
        .bind(filter.status.map(LeaseStatus::as_str))
        .bind(filter.service.as_ref().map(ToString::to_string))
        .bind(filter.server_id.clone())
        .bind(text(filter.principal))
        .bind(text(filter.user_id))
        .bind(text(filter.organization_id))
        .bind(text(own_alone))
        .bind(text(filter.credential_id))
        .bind(filter.created_from.map(Instant::micros))
        .bind(filter.created_before.map(Instant::micros))
}

type Pair = (&'static Statement, &'static Statement);
const ALL_UP: Pair = (&sql::ALL_UP, &sql::ALL_UP_END);
const ALL_DOWN: Pair = (&sql::ALL_DOWN, &sql::ALL_DOWN_END);
const PRINCIPAL_UP: Pair = (&sql::PRINCIPAL_UP, &sql::PRINCIPAL_UP_END);
const PRINCIPAL_DOWN: Pair = (&sql::PRINCIPAL_DOWN, &sql::PRINCIPAL_DOWN_END);
const USER_UP: Pair = (&sql::USER_UP, &sql::USER_UP_END);
const USER_DOWN: Pair = (&sql::USER_DOWN, &sql::USER_DOWN_END);
const ORGANIZATION_UP: Pair = (&sql::ORGANIZATION_UP, &sql::ORGANIZATION_UP_END);
const ORGANIZATION_DOWN: Pair = (&sql::ORGANIZATION_DOWN, &sql::ORGANIZATION_DOWN_END);
const CREDENTIAL_UP: Pair = (&sql::CREDENTIAL_UP, &sql::CREDENTIAL_UP_END);
const CREDENTIAL_DOWN: Pair = (&sql::CREDENTIAL_DOWN, &sql::CREDENTIAL_DOWN_END);

/// How many leases a page looks at, at most, when what is asked for lies along no index.
const WINDOW: i64 = 2_000;
const MILLISECOND: i64 = 1_000;
/// How much of an id's text tells its time: the prefix, and the characters whose bits are all of the clock.
const CLOCK_CHARACTERS: usize = "lse_".len() + 9;
/// Ids have no character beyond `v`.
const AFTER_EVERY_ID: &str = "lse_~";
