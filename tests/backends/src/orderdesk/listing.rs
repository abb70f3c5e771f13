//! The list of orders: filters, order, pages.

use axum::response::Response;
use serde_json::{Value, json};
use time::PrimitiveDateTime;

use super::{
    Asked, DATE,
    envelope::success,
    order,
    shop::{FOLDERS, Fields, Shop},
    written_date,
};

/// `GET /orders`.
pub(crate) fn answer(asked: &Asked<'_>, shop: &Shop) -> Response {
    let query = |name: &str| asked.call.query(name);
    let number = |name: &str, usual: usize| query(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let mut found: Vec<&Fields> = shop.orders.values().filter(|order| passes(asked, order)).collect();
    let order_by = query("order_by").unwrap_or("date_added");
    found.sort_by_key(|order| text(order, order_by));
    if !query("order").is_some_and(|order| order.eq_ignore_ascii_case("asc")) {
        found.reverse();
    }
    let (limit, offset) = (number("limit", 50).clamp(1, 500), number("offset", 0));
    let with_history = query("get_order_history") == Some("1");
    let total = found.len();
    let shown: Vec<Value> = found
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|found| order::shown(found, asked.switches.mixed_prices, with_history))
        .collect();
    success(
        asked,
        json!({
            "total_records": total, "records_returned": shown.len(), "offset": offset, "limit": limit, "orders": shown,
        }),
    )
}

fn passes(asked: &Asked<'_>, order: &Fields) -> bool {
    asked.call.query.iter().all(|(name, wanted)| match name.as_str() {
        "folder_id" => wanted.split(',').any(|id| text(order, "folder_id") == id),
        "folder_name" => {
            let id = FOLDERS.iter().find(|(_, name)| name == wanted).map(|(id, _)| id.to_string());
            id.is_some_and(|id| text(order, "folder_id") == id)
        }
        "source_id" | "source_name" | "email" | "customer_id" => text(order, name) == *wanted,
        "search_start_date" => text(order, "date_added") >= utc(asked, wanted),
        "search_end_date" => text(order, "date_added") <= utc(asked, wanted),
        "modified_start_date" => text(order, "date_updated") >= utc(asked, wanted),
        "modified_end_date" => text(order, "date_updated") <= utc(asked, wanted),
        _ => match name.split_once('_') {
            Some((address @ ("customer" | "shipping"), field)) => {
                let found = order.get(address).and_then(|address| address.get(field)?.as_str());
                found == Some(wanted)
            }
            _ => true,
        },
    })
}

fn text(order: &Fields, name: &str) -> String {
    match order.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// A store's local time as the time in UTC; a text that is no time stays as it is.
fn utc(asked: &Asked<'_>, local: &str) -> String {
    let zoneless = PrimitiveDateTime::parse(local, DATE).map(PrimitiveDateTime::assume_utc);
    let utc = zoneless.map(|time| written_date(time.unix_timestamp() - asked.switches.utc_offset_h * 3_600));
    utc.unwrap_or_else(|_| local.to_owned())
}
