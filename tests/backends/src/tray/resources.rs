//! The API's paths: which resource, which operation.

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};

use super::{
    Paths, Tray, answers, bodies, lists, samples,
    shop::{Kind, Shop, text},
};
use crate::stage::{answer, call::Call};

impl Tray {
    /// Below `/web_api`.
    pub(super) fn resource(&self, call: &Call, store: &str, path: &[&str]) -> Response {
        if let Some(refusal) = self.refusal(call, store) {
            return refusal;
        }
        let mut state = self.state();
        let shop = state.shops.entry(store.to_owned()).or_insert_with(Shop::sample);
        let (paths, now) = (self.switches.now().paths, self.stage.clock.now());
        let answer = match path {
            ["info"] if paths != Paths::Plugin => answer::ok(samples::info(store, &self.store_host(store))),
            ["store"] if paths != Paths::Official => {
                answer::ok(json!({ "Store": samples::info(store, &self.store_host(store)) }))
            }
            ["orders", "statuses", rest @ ..] => collection(call, shop, Kind::OrderStatus, rest),
            ["orders", rest @ ..] => super::orders::answer(call, shop, rest, paths, now)
                .unwrap_or_else(|| collection(call, shop, Kind::Order, rest)),
            ["products", rest @ ..] => collection(call, shop, Kind::Product, rest),
            ["customers", rest @ ..] => collection(call, shop, Kind::Customer, rest),
            ["categories", "tree", id] => tree(call, shop, id),
            ["categories", rest @ ..] => collection(call, shop, Kind::Category, rest),
            _ => answers::not_found(call),
        };
        let changes = std::mem::take(&mut shop.changes);
        drop(state);
        for change in &changes {
            self.tell(store, change);
        }
        answer
    }

    /// Below `/web_api/web_api`: reading works, nothing else does.
    pub(super) fn doubled(&self, call: &Call, store: &str, path: &[&str]) -> Response {
        if call.method == Method::GET { self.resource(call, store, path) } else { answers::not_found(call) }
    }
}

/// List, read, create, update, delete.
fn collection(call: &Call, shop: &mut Shop, kind: Kind, rest: &[&str]) -> Response {
    match (&call.method, rest) {
        (&Method::GET, []) => lists::answer(call, kind, shop.all(kind)),
        (&Method::POST, []) => create(call, shop, kind),
        (&Method::GET, [id]) => match shop.one(kind, id) {
            Some(fields) => answer::ok(json!({ kind.singular(): fields })),
            None => answers::not_found(call),
        },
        (&Method::PUT, [id]) => update(call, shop, kind, id),
        (&Method::DELETE, [id]) if kind != Kind::Order => {
            if !shop.remove(kind, id) {
                return answers::not_found(call);
            }
            shop.changed(kind, id, "delete");
            answers::written("Deleted", id)
        }
        (_, [] | [_]) => answers::method_not_allowed(call),
        _ => answers::not_found(call),
    }
}

fn create(call: &Call, shop: &mut Shop, kind: Kind) -> Response {
    let Some(fields) = bodies::unwrapped(call, kind.singular()) else { return unwrapped(call, kind) };
    if let Some(causes) = bodies::faults(kind, &fields, true) {
        return answers::invalid(call, &causes);
    }
    let email = text(&fields, "email");
    if kind == Kind::Customer && shop.all(kind).iter().any(|other| text(other, "email") == email) {
        return answers::invalid(call, &json!({ "email": ["already exists"] }));
    }
    let id = shop.add(kind, fields);
    shop.changed(kind, &id, "insert");
    answers::written("Created", &id)
}

fn update(call: &Call, shop: &mut Shop, kind: Kind, id: &str) -> Response {
    let Some(stored) = shop.one_mut(kind, id) else { return answers::not_found(call) };
    let Some(mut fields) = bodies::unwrapped(call, kind.singular()) else { return unwrapped(call, kind) };
    if let Some(causes) = bodies::faults(kind, &fields, false) {
        return answers::invalid(call, &causes);
    }
    fields.remove("id");
    stored.extend(fields);
    shop.changed(kind, id, "update");
    answers::written("Saved", id)
}

fn unwrapped(call: &Call, kind: Kind) -> Response {
    answers::invalid(call, &json!({ kind.singular(): ["required"] }))
}

fn tree(call: &Call, shop: &Shop, id: &str) -> Response {
    match shop.one(Kind::Category, id) {
        Some(_) => answer::ok(json!({ "Category": [branch(shop, id)] })),
        None => answers::not_found(call),
    }
}

fn branch(shop: &Shop, id: &str) -> Value {
    let children: Vec<Value> = shop
        .all(Kind::Category)
        .iter()
        .filter(|child| text(child, "parent_id") == id && text(child, "id") != id)
        .map(|child| branch(shop, text(child, "id")))
        .collect();
    let mut fields = shop.one(Kind::Category, id).cloned().unwrap_or_default();
    fields.insert(
        "children".to_owned(),
        if children.is_empty() { Value::Null } else { Value::Array(children) },
    );
    json!({ "Category": fields })
}
