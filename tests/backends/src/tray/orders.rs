//! What only orders have: the full form, cancelling, and products that are put in and taken out.

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};

use super::{
    Paths, answers, bodies, samples,
    shop::{Kind, Shop, text},
};
use crate::stage::{answer, call::Call, clock::date_time};

/// The answer, if the path is one of these.
pub(crate) fn answer(
    call: &Call,
    shop: &mut Shop,
    path: &[&str],
    paths: Paths,
    now: i64,
) -> Option<Response> {
    let (official, plugin) = (paths != Paths::Plugin, paths != Paths::Official);
    Some(match (&call.method, path) {
        (&Method::GET, [id, "complete"]) if official => complete(call, shop, id),
        (&Method::GET, [id, "full"]) if plugin => complete(call, shop, id),
        (&Method::PUT, ["cancel", id]) if official => cancel(call, shop, id, now),
        (&Method::PUT, [id, "cancel"]) if plugin => cancel(call, shop, id, now),
        (&Method::POST, ["includeProduct", id]) => include(call, shop, id),
        (&Method::PUT, ["excludeProduct", id, product]) => exclude(call, shop, id, product),
        _ => return None,
    })
}

fn complete(call: &Call, shop: &Shop, id: &str) -> Response {
    let Some(order) = shop.one(Kind::Order, id) else { return answers::not_found(call) };
    let mut order = order.clone();
    let customer = shop.one(Kind::Customer, text(&order, "customer_id")).cloned();
    order.insert("Customer".to_owned(), customer.map_or_else(|| json!([]), Value::Object));
    order.insert("hour".to_owned(), json!("11:21:52"));
    order.insert("payment_method".to_owned(), json!("Boleto"));
    order.insert("CustomerAddress".to_owned(), json!([]));
    order.insert("payments_notification".to_owned(), json!([]));
    answer::ok(json!({ "Order": order }))
}

fn cancel(call: &Call, shop: &mut Shop, id: &str, now: i64) -> Response {
    let Some(order) = shop.one_mut(Kind::Order, id) else { return answers::not_found(call) };
    order.insert("status".to_owned(), json!("CANCELADO"));
    order.insert("OrderStatus".to_owned(), samples::order_status("3", "cancelled", "CANCELADO"));
    let today = date_time(now - 3 * 3_600);
    order.insert("modified".to_owned(), json!(format!("{} 00:00:00", today.date())));
    shop.changed(Kind::Order, id, "update");
    answers::written("Saved", id)
}

fn include(call: &Call, shop: &mut Shop, id: &str) -> Response {
    let Some(order) = shop.one_mut(Kind::Order, id) else { return answers::not_found(call) };
    let Some(product) = bodies::unwrapped(call, "ProductsSold") else {
        return answers::invalid(call, &json!({ "ProductsSold": ["required"] }));
    };
    let sold = json!({ "id": text(&product, "product_id"), "quantity": text(&product, "quantity") });
    if let Some(products) = order.get_mut("ProductsSold").and_then(Value::as_array_mut) {
        products.push(sold);
    }
    shop.changed(Kind::Order, id, "update");
    answers::written("Success", id)
}

fn exclude(call: &Call, shop: &mut Shop, id: &str, product: &str) -> Response {
    let order = shop.one_mut(Kind::Order, id);
    let Some(products) = order.and_then(|order| order.get_mut("ProductsSold")?.as_array_mut()) else {
        return answers::not_found(call);
    };
    let before = products.len();
    products.retain(|sold| sold.get("id").and_then(Value::as_str) != Some(product));
    if products.len() == before {
        return answers::not_found(call);
    }
    shop.changed(Kind::Order, id, "update");
    answers::written("Success", id)
}
