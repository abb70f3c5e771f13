//! What a store has: products, orders, customers, categories and order statuses, each an object of texts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::samples;

/// The fields of a resource.
pub(crate) type Fields = Map<String, Value>;

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Product,
    Order,
    Customer,
    Category,
    OrderStatus,
}

impl Kind {
    /// Each of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Product, Self::Order, Self::Customer, Self::Category, Self::OrderStatus];

    /// The key of one.
    pub(crate) const fn singular(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::Order => "Order",
            Self::Customer => "Customer",
            Self::Category => "Category",
            Self::OrderStatus => "OrderStatus",
        }
    }

    /// The key of a list.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Product => "Products",
            Self::Order => "Orders",
            Self::Customer => "Customers",
            Self::Category => "Categories",
            Self::OrderStatus => "OrderStatuses",
        }
    }

    /// What a new one must have.
    pub(crate) const fn required(self) -> &'static [&'static str] {
        match self {
            Self::Product | Self::Category => &["name"],
            Self::Customer => &["name", "email"],
            Self::Order => &["customer_id"],
            Self::OrderStatus => &["status"],
        }
    }

    /// Fields with the most characters they hold.
    pub(crate) const fn lengths(self) -> &'static [(&'static str, usize)] {
        match self {
            Self::Product => &[
                ("name", 200),
                ("ean", 120),
                ("ncm", 8),
                ("description", 4_800),
                ("description_small", 500),
                ("reference", 120),
                ("brand", 120),
                ("model", 150),
            ],
            _ => &[],
        }
    }
}

/// One store's resources, by kind and id.
#[derive(Debug)]
pub(crate) struct Shop {
    stock: BTreeMap<Kind, BTreeMap<u64, Fields>>,
    /// What changed and was not told yet.
    pub(crate) changes: Vec<Change>,
}

/// A change that webhooks tell.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// `insert`, `update` or `delete`.
    pub(crate) act: &'static str,
}

impl Shop {
    /// A store with some of everything.
    pub(crate) fn sample() -> Self {
        let mut shop = Self { stock: BTreeMap::new(), changes: Vec::new() };
        for kind in Kind::ALL {
            for fields in samples::of(kind) {
                shop.add(kind, fields);
            }
        }
        shop
    }

    /// Notes a change.
    pub(crate) fn changed(&mut self, kind: Kind, id: &str, act: &'static str) {
        self.changes.push(Change { kind, id: id.to_owned(), act });
    }

    /// Those of a kind, by id.
    pub(crate) fn all(&self, kind: Kind) -> Vec<Fields> {
        self.stock.get(&kind).map(|things| things.values().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn one(&self, kind: Kind, id: &str) -> Option<&Fields> {
        self.stock.get(&kind)?.get(&id.parse().ok()?)
    }

    pub(crate) fn one_mut(&mut self, kind: Kind, id: &str) -> Option<&mut Fields> {
        self.stock.get_mut(&kind)?.get_mut(&id.parse().ok()?)
    }

    /// Adds one under the next id, which is answered.
    pub(crate) fn add(&mut self, kind: Kind, mut fields: Fields) -> String {
        let things = self.stock.entry(kind).or_default();
        let id = things.last_key_value().map_or(1, |(last, _)| last + 1);
        fields.insert("id".to_owned(), Value::String(id.to_string()));
        things.insert(id, fields);
        id.to_string()
    }

    pub(crate) fn remove(&mut self, kind: Kind, id: &str) -> bool {
        let Ok(id) = id.parse() else { return false };
        self.stock.get_mut(&kind).is_some_and(|things| things.remove(&id).is_some())
    }
}

/// A field as text; nothing for what is no text.
pub(crate) fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}
