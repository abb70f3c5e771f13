//! Orders: lists, single ones, and moving them between folders.

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};

use super::{
    Asked, OrderDeskSwitches,
    envelope::{invalid, not_allowed, not_found, success},
    listing, order,
    shop::{FOLDERS, Fields, Shop},
};
use crate::stage::Switches;

/// `/orders`.
pub(crate) fn collection(asked: &Asked<'_>, shop: &mut Shop) -> Response {
    match asked.method {
        Method::GET => listing::answer(asked, shop),
        Method::POST => create(asked, shop),
        _ => not_allowed(asked),
    }
}

/// `/orders/{id}`.
pub(crate) fn single(
    asked: &Asked<'_>,
    shop: &mut Shop,
    id: &str,
    switches: &Switches<OrderDeskSwitches>,
) -> Response {
    let Some(found) = shop.order(id) else { return not_found(asked, "Order") };
    match asked.method {
        Method::GET => {
            let answer = answer_with(asked, found, "");
            edit_behind(found, &asked.now, switches);
            answer
        }
        Method::PUT | Method::POST => {
            let Some(given) = body(asked) else { return invalid(asked, "Invalid JSON") };
            let mut order = found.clone();
            order::replace(shop, &mut order, &given, &asked.now, asked.switches.put_deletes_items);
            let answer = answer_with(asked, &order, "Order Updated");
            shop.orders.extend(id.parse().ok().map(|id: u64| (id, order)));
            answer
        }
        Method::DELETE => {
            shop.orders.retain(|known, _| known.to_string() != id);
            success(asked, json!({ "message": format!("Order {id} Deleted") }))
        }
        _ => not_allowed(asked),
    }
}

/// `/move-orders`.
pub(crate) fn relocate(asked: &Asked<'_>, shop: &mut Shop) -> Response {
    let given = body(asked).unwrap_or_default();
    let by_name = |name: &str| FOLDERS.iter().find(|(_, known)| *known == name).copied();
    let by_id = |id: u64| FOLDERS.iter().find(|(known, _)| *known == id).copied();
    let folder = given.get("destination_folder_id").and_then(Value::as_u64).and_then(by_id);
    let folder =
        folder.or_else(|| given.get("destination_folder_name").and_then(Value::as_str).and_then(by_name));
    let (Some((folder, name)), Some(ids)) = (folder, given.get("order_id_list").and_then(Value::as_array))
    else {
        return invalid(asked, "order_id_list and a destination folder are required");
    };
    let mut results = Vec::new();
    for id in ids {
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let Some(found) = shop.order(&id) else { continue };
        let original = found.insert("folder_id".to_owned(), json!(folder));
        order::touch(found, &asked.now);
        let message = format!("Order Moved to {name} Folder");
        results.push(json!({ "order_id": id, "message": message, "original_folder_id": original }));
    }
    success(asked, json!({ "message": format!("{} Orders Moved", results.len()), "results": results }))
}

/// The request's JSON object.
pub(crate) fn body(asked: &Asked<'_>) -> Option<Fields> {
    asked.call.json()?.as_object().cloned()
}

/// The order, with a message if there is one to say.
pub(crate) fn answer_with(asked: &Asked<'_>, found: &Fields, message: &str) -> Response {
    let mut fields = json!({ "order": order::shown(found, asked.switches.mixed_prices, true) });
    if let Some(fields) = fields.as_object_mut().filter(|_| !message.is_empty()) {
        fields.insert("message".to_owned(), json!(message));
    }
    success(asked, fields)
}

fn create(asked: &Asked<'_>, shop: &mut Shop) -> Response {
    let Some(given) = body(asked) else { return invalid(asked, "Invalid JSON") };
    let has_items = given.get("order_items").and_then(Value::as_array).is_some_and(|items| !items.is_empty());
    let named = |address: &str| {
        let name = |name: &&str| given.get(address).and_then(|address| address.get(*name)?.as_str());
        ["first_name", "last_name", "company"].iter().filter_map(name).any(|text| !text.is_empty())
    };
    if !has_items || !(named("customer") || named("shipping")) {
        return invalid(asked, "An order needs order_items and a name or a company");
    }
    let id = shop.next_id();
    let order = order::made(shop, id, &given, &asked.now);
    let answer = answer_with(asked, &order, "Order Added");
    shop.orders.insert(id, order);
    answer
}

/// Somebody else's edit, between a reading and the writing that follows it.
fn edit_behind(found: &mut Fields, now: &str, switches: &Switches<OrderDeskSwitches>) {
    let mut due = false;
    switches.change(|switches| {
        due = switches.edit_after_gets == 1;
        switches.edit_after_gets = switches.edit_after_gets.saturating_sub(1);
    });
    if due {
        found.insert("tag_name".to_owned(), json!("edited by somebody else"));
        order::touch(found, now);
    }
}
