//! Lists: pages, order, filters and chosen fields, in Tray's envelope.

use std::cmp::Ordering;

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::shop::{Fields, Kind, text};
use crate::stage::{answer, call::Call};

/// Answers a list of these objects as the query asks for it.
pub(crate) fn answer(call: &Call, kind: Kind, mut objects: Vec<Fields>) -> Response {
    let filters = filters(call, &objects);
    objects.retain(|fields| filters.iter().all(|(name, wanted)| matches(text(fields, name), wanted)));
    let (field, descending) = order(call);
    objects.sort_by(|a, b| {
        let ordering = compare(text(a, field), text(b, field));
        if descending { ordering.reverse() } else { ordering }
    });
    let total = objects.len();
    let limit = number(call, "limit").unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let page = number(call, "page").unwrap_or(1).max(1);
    let offset = (page - 1).saturating_mul(limit);
    let shown: Vec<Value> = objects
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|fields| json!({ kind.singular(): chosen(call, fields) }))
        .collect();
    let direction = if descending { "desc" } else { "asc" };
    answer::ok(json!({
        "paging": { "total": total, "page": page, "offset": offset, "limit": limit, "maxLimit": MAX_LIMIT },
        "sort": [{ field: direction }],
        "availableFilters": AVAILABLE,
        "appliedFilters": filters.iter().map(|(name, value)| json!({ *name: value })).collect::<Vec<_>>(),
        kind.plural(): shown,
    }))
}

/// Parameters that name a field of one of the objects; others are not looked at.
fn filters<'a>(call: &'a Call, objects: &[Fields]) -> Vec<(&'a str, &'a str)> {
    let known = |name: &str| objects.iter().any(|fields| fields.contains_key(name));
    call.query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !RESERVED.contains(name) && known(name))
        .collect()
}

/// Equal; or a date, of a time of that day or between two days.
fn matches(found: &str, wanted: &str) -> bool {
    let day = found.get(..10).unwrap_or(found);
    match wanted.split_once(',') {
        Some((from, to)) => from <= day && day <= to,
        None => found == wanted || (is_date(wanted) && day == wanted),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
}

/// `sort=price_desc` is by price, the highest first.
fn order(call: &Call) -> (&str, bool) {
    match call.query("sort").and_then(|sort| sort.rsplit_once('_')) {
        Some((field, "desc")) => (field, true),
        Some((field, "asc")) => (field, false),
        _ => ("id", false),
    }
}

/// Numbers by value, although they are texts.
fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

fn chosen(call: &Call, fields: Fields) -> Map<String, Value> {
    let Some(attrs) = call.query("attrs") else { return fields };
    fields.into_iter().filter(|(name, _)| attrs.split(',').any(|wanted| wanted == name)).collect()
}

fn number(call: &Call, name: &str) -> Option<usize> {
    call.query(name)?.parse().ok()
}

const DEFAULT_LIMIT: usize = 30;
const MAX_LIMIT: usize = 50;
const RESERVED: [&str; 5] = ["access_token", "limit", "page", "sort", "attrs"];
const AVAILABLE: [&str; 4] = ["id", "name", "status", "modified"];
