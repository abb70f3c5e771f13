//! What hangs on an order: history, items, shipments. Each is changed on its own, without replacing the order.

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};

use super::{
    Asked,
    envelope::{invalid, not_allowed, not_found, success},
    order,
    orders::body,
    shop::{Fields, Shop},
};

/// One kind of part.
struct Part {
    list: &'static str,
    single: &'static str,
    /// As messages call it.
    name: &'static str,
}

/// `/orders/{id}/{part}[/{number}]`.
pub(crate) fn answer(asked: &Asked<'_>, shop: &mut Shop, id: &str, part: &str, rest: &[&str]) -> Response {
    if shop.order(id).is_none() {
        return not_found(asked, "Order");
    }
    match (part, rest) {
        ("order-history", []) if asked.method == Method::POST => add_history(asked, shop, id),
        ("order-items", []) => list(asked, shop, id, &ITEMS),
        ("order-items", [number]) => single(asked, shop, id, &ITEMS, number),
        ("shipments", []) => list(asked, shop, id, &SHIPMENTS),
        ("shipments", [number]) => single(asked, shop, id, &SHIPMENTS, number),
        _ => not_found(asked, "Page"),
    }
}

/// `/batch-shipments`: a list of shipments, each with its `order_id`.
pub(crate) fn batch_shipments(asked: &Asked<'_>, shop: &mut Shop) -> Response {
    let given = asked.call.json().and_then(|body| body.as_array().cloned()).unwrap_or_default();
    let mut added = 0;
    for shipment in given.iter().filter_map(Value::as_object) {
        let id = match shipment.get("order_id") {
            Some(Value::String(id)) => id.clone(),
            Some(id) => id.to_string(),
            None => continue,
        };
        added +=
            usize::from(shop.order(&id).is_some() && add(asked, shop, &id, &SHIPMENTS, shipment).is_some());
    }
    success(asked, json!({ "message": format!("{added} Shipments Added") }))
}

fn add_history(asked: &Asked<'_>, shop: &mut Shop, id: &str) -> Response {
    let Some(found) = shop.order(id) else { return not_found(asked, "Order") };
    let given = body(asked).unwrap_or_default();
    let Some(note) = given.get("note").filter(|note| note.is_string()) else {
        return invalid(asked, "note is required");
    };
    let source = given.get("source_name").cloned().unwrap_or_else(|| json!("API"));
    let mut history = order::list(found, "order_history").to_vec();
    history.push(json!({ "source_name": source, "note": note, "date_added": asked.now }));
    let total = history.len();
    order::set_list(found, "order_history", history);
    let shown = order::shown(found, asked.switches.mixed_prices, true);
    success(asked, json!({ "total_records": total, "order": shown }))
}

fn list(asked: &Asked<'_>, shop: &mut Shop, id: &str, part: &Part) -> Response {
    match asked.method {
        Method::GET => {
            let parts =
                shop.order(id).map(|found| order::list(found, part.list).to_vec()).unwrap_or_default();
            success(asked, json!({ "total_records": parts.len(), part.list: parts }))
        }
        Method::POST => {
            let given = body(asked).unwrap_or_default();
            match add(asked, shop, id, part, &given) {
                Some(added) => {
                    success(asked, json!({ "message": format!("{} Added", part.name), part.single: added }))
                }
                None => invalid(asked, &format!("{} Not Added", part.name)),
            }
        }
        _ => not_allowed(asked),
    }
}

fn single(asked: &Asked<'_>, shop: &mut Shop, id: &str, part: &Part, number: &str) -> Response {
    let Some(found) = shop.order(id) else { return not_found(asked, "Order") };
    let mut parts = order::list(found, part.list).to_vec();
    let Some(place) = parts.iter().position(|known| order::same_id(known, &json!(number))) else {
        return not_found(asked, part.name);
    };
    let answer = match asked.method {
        Method::GET => return success(asked, json!({ part.single: parts.get(place) })),
        Method::PUT => {
            let given = body(asked).unwrap_or_default();
            if let Some(known) = parts.get_mut(place).and_then(Value::as_object_mut) {
                known.extend(given.into_iter().filter(|(name, _)| name != "id"));
            }
            success(
                asked,
                json!({ "message": format!("{} Updated", part.name), part.single: parts.get(place) }),
            )
        }
        Method::DELETE => {
            parts.remove(place);
            success(asked, json!({ "message": format!("{} Deleted", part.name) }))
        }
        _ => return not_allowed(asked),
    };
    order::set_list(found, part.list, parts);
    order::touch(found, &asked.now);
    answer
}

/// `None` when it is not accepted: an item without a name, a shipment that is there already.
fn add(asked: &Asked<'_>, shop: &mut Shop, id: &str, part: &Part, given: &Fields) -> Option<Value> {
    let number = shop.next_id();
    let found = shop.order(id)?;
    let added = if part.list == ITEMS.list {
        given.get("name")?;
        order::item(number, given)
    } else {
        let tracking = given.get("tracking_number")?;
        let known = order::list(found, part.list);
        if known.iter().any(|known| known.get("tracking_number") == Some(tracking)) {
            return None;
        }
        let mut shipment = given.clone();
        shipment.insert("id".to_owned(), json!(number.to_string()));
        shipment.insert("order_id".to_owned(), json!(id));
        shipment.insert("store_id".to_owned(), json!(asked.store));
        shipment.insert("date_added".to_owned(), json!(asked.now));
        Value::Object(shipment)
    };
    let mut parts = order::list(found, part.list).to_vec();
    parts.push(added.clone());
    order::set_list(found, part.list, parts);
    order::touch(found, &asked.now);
    Some(added)
}

const ITEMS: Part = Part { list: "order_items", single: "order_item", name: "Order Item" };
const SHIPMENTS: Part = Part { list: "order_shipments", single: "order_shipment", name: "Shipment" };
