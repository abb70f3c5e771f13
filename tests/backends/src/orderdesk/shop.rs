//! What a store has: orders, inventory, folders, settings. All of it is made up.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::order;

/// The fields of an order, an item, or anything else.
pub(crate) type Fields = Map<String, Value>;

/// One store.
#[derive(Debug, Default)]
pub(crate) struct Shop {
    pub(crate) orders: BTreeMap<u64, Fields>,
    pub(crate) inventory: BTreeMap<u64, Fields>,
    last_id: u64,
}

impl Shop {
    /// Three orders, five things in stock.
    pub(crate) fn sample(now: &str) -> Self {
        let mut shop = Self { last_id: 1_000, ..Self::default() };
        for number in 1..=3 {
            let id = shop.next_id();
            let sample = json!({
                "email": format!("customer{number}@example.test"), "source_id": format!("S-{number}"),
                "shipping": { "first_name": "Ada", "last_name": format!("Example {number}"), "country": "US" },
                "order_items": [{ "name": "Shirt", "code": "SHIRT", "price": 10, "quantity": number, "weight": 1.5 }],
            });
            let fields = sample.as_object().cloned().unwrap_or_default();
            let order = order::made(&mut shop, id, &fields, now);
            shop.orders.insert(id, order);
        }
        for number in 1..=5 {
            let id = shop.next_id();
            let item = json!({
                "id": id, "name": format!("Thing {number}"), "code": format!("THING-{number}"), "price": 10 * number,
                "cost": 5, "weight": 1, "stock": number, "update_source": "", "location": "",
                "date_added": now, "date_updated": now, "metadata": [], "variation_list": [], "manufacturer_sku": "",
            });
            shop.inventory.insert(id, item.as_object().cloned().unwrap_or_default());
        }
        shop
    }

    /// An id that nothing had.
    pub(crate) const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn order(&mut self, id: &str) -> Option<&mut Fields> {
        self.orders.get_mut(&id.parse().ok()?)
    }

    /// The store itself. Its settings hold secrets, as the real ones do.
    pub(crate) fn settings(&self, store: &str) -> Value {
        json!({
            "id": store, "name": "Example Store", "orders": self.orders.len(),
            "settings": { "api_key": "settings-api-key", "smtp_password": "settings-smtp-password", "timezone": "-5" },
            "folders": FOLDERS.iter().map(|(id, name)| (id.to_string(), json!(name))).collect::<Fields>(),
        })
    }
}

/// Ids and names of the folders.
pub(crate) const FOLDERS: [(u64, &str); 3] = [(21_654, "New"), (21_655, "Prepared"), (21_656, "Closed")];
