//! Inventory. Writes answer without the item, and replacing blanks what is left out.

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};

use super::{
    Asked,
    envelope::{invalid, not_allowed, not_found, success},
    orders::body,
    shop::{Fields, Shop},
};

/// `/inventory-items[/{id}]`.
pub(crate) fn answer(asked: &Asked<'_>, shop: &mut Shop, rest: &[&str]) -> Response {
    match (&asked.method, rest) {
        (&Method::GET, []) => {
            let items: Vec<&Fields> = shop.inventory.values().collect();
            // The total is a text here, unlike that of orders.
            let total = items.len().to_string();
            let returned = items.len();
            success(
                asked,
                json!({ "records_returned": returned, "total_records": total, "inventory_items": items }),
            )
        }
        (&Method::POST, []) => create(asked, shop),
        (method, [id]) => single(asked, shop, method, id),
        _ => not_allowed(asked),
    }
}

/// `/batch-inventory-items`: a list of items with ids.
pub(crate) fn batch(asked: &Asked<'_>, shop: &mut Shop) -> Response {
    let given = asked.call.json().and_then(|body| body.as_array().cloned()).unwrap_or_default();
    let mut updated = 0;
    for fields in given.iter().filter_map(Value::as_object) {
        let id = fields.get("id").and_then(Value::as_u64);
        if let Some(known) = id.and_then(|id| shop.inventory.get_mut(&id)) {
            replace(known, fields, &asked.now);
            updated += 1;
        }
    }
    success(asked, json!({ "message": format!("{updated} Inventory Items Updated") }))
}

fn create(asked: &Asked<'_>, shop: &mut Shop) -> Response {
    let given = body(asked).unwrap_or_default();
    if !complete(&given) {
        return invalid(asked, "name and code are required");
    }
    let id = shop.next_id();
    let mut item = Fields::new();
    item.insert("id".to_owned(), json!(id));
    item.insert("date_added".to_owned(), json!(asked.now));
    replace(&mut item, &given, &asked.now);
    shop.inventory.insert(id, item);
    success(asked, json!({ "message": "Inventory Item Added", "inventory_item_id": id }))
}

fn single(asked: &Asked<'_>, shop: &mut Shop, method: &Method, id: &str) -> Response {
    let number = id.parse().unwrap_or(0);
    let Some(known) = shop.inventory.get_mut(&number) else { return not_found(asked, "Inventory Item") };
    match *method {
        Method::GET => success(asked, json!({ "inventory_item": known })),
        Method::PUT => {
            let given = body(asked).unwrap_or_default();
            if !complete(&given) {
                return invalid(asked, "name and code are required");
            }
            replace(known, &given, &asked.now);
            success(asked, json!({ "message": "Inventory Item Updated" }))
        }
        Method::DELETE => {
            shop.inventory.remove(&number);
            success(asked, json!({ "message": format!("Inventory Item {id} Deleted") }))
        }
        _ => not_allowed(asked),
    }
}

fn complete(given: &Fields) -> bool {
    ["name", "code"]
        .iter()
        .all(|name| given.get(*name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()))
}

fn replace(item: &mut Fields, given: &Fields, now: &str) {
    for (name, blank) in [
        ("name", json!("")),
        ("code", json!("")),
        ("price", json!(0)),
        ("cost", json!(0)),
        ("weight", json!(0)),
        ("stock", json!(0)),
        ("update_source", json!("")),
        ("location", json!("")),
        ("metadata", json!([])),
        ("variation_list", json!([])),
        ("manufacturer_sku", json!("")),
    ] {
        item.insert(name.to_owned(), given.get(name).cloned().unwrap_or(blank));
    }
    item.insert("date_updated".to_owned(), json!(now));
}
