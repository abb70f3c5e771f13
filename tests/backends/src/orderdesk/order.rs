//! One order: what is written, what is computed, and what replacing it does.

use serde_json::{Value, json};

use super::shop::{FOLDERS, Fields, Shop};

/// A new order of these fields.
pub(crate) fn made(shop: &mut Shop, id: u64, given: &Fields, now: &str) -> Fields {
    let mut order = Fields::new();
    order.insert("id".to_owned(), json!(id.to_string()));
    order.insert("date_added".to_owned(), json!(now));
    for name in READ_ONLY_LISTS {
        order.insert((*name).to_owned(), json!([]));
    }
    let mut given = given.clone();
    // Either address stands in for the other.
    for (missing, present) in [("shipping", "customer"), ("customer", "shipping")] {
        if !given.contains_key(missing) {
            given.extend(given.get(present).cloned().map(|address| (missing.to_owned(), address)));
        }
    }
    given.entry("folder_id").or_insert_with(|| json!(FOLDERS.first().map_or(0, |(id, _)| *id)));
    given.entry("source_name").or_insert_with(|| json!("Order Desk"));
    given.entry("payment_status").or_insert_with(|| json!("Captured"));
    let items = given.remove("order_items").unwrap_or_default();
    replace(shop, &mut order, &given, now, true);
    set_items(shop, &mut order, &items, true);
    total(&mut order);
    order
}

/// Replaces what can be written: what is left out is blank afterwards.
pub(crate) fn replace(shop: &mut Shop, order: &mut Fields, given: &Fields, now: &str, delete_items: bool) {
    for name in TEXTS {
        order.insert((*name).to_owned(), given.get(*name).cloned().unwrap_or_else(|| json!("")));
    }
    for name in NUMBERS {
        order.insert((*name).to_owned(), given.get(*name).cloned().unwrap_or_else(|| json!(0)));
    }
    for name in MAPS {
        // Empty maps are lists there.
        let value = given.get(*name).filter(|value| **value != json!({})).cloned();
        order.insert((*name).to_owned(), value.unwrap_or_else(|| json!([])));
    }
    if let Some(number) = given.get("cc_number").and_then(Value::as_str) {
        let start = number.len().saturating_sub(4);
        let last = number.get(start..).unwrap_or_default();
        order.insert("cc_number_masked".to_owned(), json!(last));
    }
    if let Some(items) = given.get("order_items") {
        set_items(shop, order, items, delete_items);
    }
    touch(order, now);
}

/// Notes the change, to the second, and computes the totals anew.
pub(crate) fn touch(order: &mut Fields, now: &str) {
    order.insert("date_updated".to_owned(), json!(now));
    total(order);
}

/// An order as it is answered.
pub(crate) fn shown(order: &Fields, mixed_prices: bool, with_history: bool) -> Value {
    let mut shown = order.clone();
    if !with_history {
        shown.remove("order_history");
    }
    if mixed_prices {
        let items = shown.get_mut("order_items").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten().step_by(2).filter_map(Value::as_object_mut) {
            if let Some(price) = item.get_mut("price").filter(|price| price.is_number()) {
                *price = json!(price.to_string());
            }
        }
    }
    Value::Object(shown)
}

/// A list of the order: items, shipments, history. Empty if it has none.
pub(crate) fn list<'a>(order: &'a Fields, name: &str) -> &'a [Value] {
    order.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Puts a list in the place of another.
pub(crate) fn set_list(order: &mut Fields, name: &str, list: Vec<Value>) {
    order.insert(name.to_owned(), Value::Array(list));
}

/// An item with everything that it has to have.
pub(crate) fn item(id: u64, given: &Fields) -> Value {
    let mut item = json!({
        "id": id.to_string(), "name": "", "price": 0, "quantity": 1, "weight": 0, "code": "", "delivery_type": "ship",
        "category_code": "", "fulfillment_method": "", "variation_list": [], "metadata": [],
    });
    if let Some(fields) = item.as_object_mut() {
        let given = given.iter().filter(|(name, value)| *name != "id" && **value != json!({}));
        fields.extend(given.map(|(name, value)| (name.clone(), value.clone())));
    }
    item
}

/// Those with an id are updated, those without are added.
fn set_items(shop: &mut Shop, order: &mut Fields, given: &Value, delete_others: bool) {
    let Some(given) = given.as_array() else { return };
    let before = list(order, "order_items").to_vec();
    let mut after = Vec::new();
    for fields in given.iter().filter_map(Value::as_object) {
        let known = fields.get("id").and_then(|id| before.iter().find(|item| same_id(item, id)));
        match known.and_then(Value::as_object) {
            Some(known) => {
                let mut updated = known.clone();
                updated.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
                after.push(Value::Object(updated));
            }
            None => after.push(item(shop.next_id(), fields)),
        }
    }
    if !delete_others {
        let left_out = |item: &Value| !after.iter().any(|kept| kept.get("id") == item.get("id"));
        let mut kept: Vec<Value> = before.into_iter().filter(left_out).collect();
        kept.append(&mut after);
        after = kept;
    }
    set_list(order, "order_items", after);
}

/// Ids are texts or numbers.
pub(crate) fn same_id(item: &Value, id: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    item.get("id").is_some_and(|found| text(found) == text(id))
}

fn total(order: &mut Fields) {
    let number = |fields: &Fields, name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.parse().unwrap_or(0.0),
        Some(value) => value.as_f64().unwrap_or(0.0),
        None => 0.0,
    };
    let (mut quantity, mut weight, mut product) = (0.0, 0.0, 0.0);
    for item in list(order, "order_items").iter().filter_map(Value::as_object) {
        let count = number(item, "quantity");
        quantity += count;
        weight += count * number(item, "weight");
        product += count * number(item, "price");
    }
    let extras: f64 =
        ["shipping_total", "handling_total", "tax_total"].iter().map(|name| number(order, name)).sum();
    for (name, value) in [
        ("quantity_total", quantity),
        ("weight_total", weight),
        ("product_total", product),
        ("order_total", product + extras),
    ] {
        order.insert(name.to_owned(), json!((value * 100.0).round() / 100.0));
    }
}

const TEXTS: &[&str] = &[
    "email",
    "shipping_method",
    "cc_exp",
    "processor_response",
    "payment_type",
    "payment_status",
    "customer_id",
    "ip_address",
    "tag_color",
    "tag_name",
    "source_name",
    "source_id",
    "fulfillment_name",
    "fulfillment_id",
];
const NUMBERS: &[&str] =
    &["shipping_total", "handling_total", "tax_total", "processor_balance", "refund_total", "folder_id"];
const MAPS: &[&str] = &[
    "shipping",
    "customer",
    "return_address",
    "checkout_data",
    "order_metadata",
    "discount_list",
    "order_notes",
];
const READ_ONLY_LISTS: &[&str] = &["order_shipments", "order_history", "order_items"];
