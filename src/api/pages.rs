//! Page tokens of the table's lists: each is good for the list that answered it, narrowed and ordered as it was.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::broker::{Error, listing};

use super::{Generic, Operation, choices};

/// A list as a request narrows it, whichever of its pages.
pub(super) struct Walk(String);

impl Walk {
    /// The list that an operation answers to a request.
    pub(super) fn of(operation: &Operation, request: &Value) -> Self {
        let narrows = |name: &str, value: &Value| match name {
            PAGE_TOKEN | PAGE_SIZE => false,
            ORDER_BY => !says_nothing(operation, value),
            _ => !value.is_null(),
        };
        let fields = request.as_object().into_iter().flatten();
        let narrowed = fields.filter(|(name, value)| narrows(name, value));
        let narrowed: BTreeMap<&str, String> =
            narrowed.map(|(name, value)| (name.as_str(), value.to_string())).collect();
        Self(format!("{} {narrowed:?}", operation.name))
    }

    /// The request with the place that its page token stands for.
    ///
    /// # Errors
    /// [`crate::broker::Code::InvalidRequest`] when another list answered the token, or none.
    pub(super) fn open(&self, mut request: Value) -> Result<Value, Error> {
        if let Some(Value::String(token)) = request.get_mut(PAGE_TOKEN)
            && !token.is_empty()
        {
            *token = listing::opened(&self.0, token).map_err(|violation| Error::invalid(vec![violation]))?;
        }
        Ok(request)
    }

    /// The answer with a page token for the place where it ended.
    pub(super) fn seal(&self, mut answer: Value) -> Value {
        if let Some(Value::String(place)) = answer.get_mut(NEXT_PAGE_TOKEN) {
            *place = listing::sealed(&self.0, place);
        }
        answer
    }
}

/// Whether an order is the one that the list has without it.
fn says_nothing(operation: &Operation, order: &Value) -> bool {
    let text = order.as_str().unwrap_or_default().trim();
    let text = text.strip_suffix(" asc").unwrap_or(text);
    let is_default = |generic: &Generic| choices::default_order(&(generic.request)().name) == Some(text);
    text.is_empty() || operation.generic.as_ref().is_some_and(is_default)
}

const ORDER_BY: &str = "order_by";
const PAGE_SIZE: &str = "page_size";
const PAGE_TOKEN: &str = "page_token";
const NEXT_PAGE_TOKEN: &str = "next_page_token";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::operation, *};

    fn walk(name: &str, request: &Value) -> Walk {
        Walk::of(operation(name).expect("an operation"), request)
    }

    #[test]
    fn a_token_is_good_for_its_list_as_it_was_narrowed() {
        let first = json!({ "email": "a@example.org", "page_size": 2, "order_by": null });
        let answer = walk("list_users", &first).seal(json!({ "users": [], "next_page_token": "here" }));
        let token = answer["next_page_token"].as_str().expect("a token");

        let asked = |operation: &str, request: Value| {
            let opened = walk(operation, &request).open(request).ok()?;
            Some(opened["page_token"].as_str().expect("a place").to_owned())
        };
        let next = json!({ "email": "a@example.org", "page_size": 3, "page_token": token });
        assert_eq!(asked("list_users", next.clone()).as_deref(), Some("here"));
        assert_eq!(asked("list_organizations", next), None);
        for other in [
            json!({}),
            json!({ "email": "b@example.org" }),
            json!({ "email": "a@example.org", "order_by": "name" }),
        ] {
            let mut other = other;
            other["page_token"] = json!(token);
            assert_eq!(asked("list_users", other.clone()), None, "{other}");
        }
        for made_up in ["here", "x", &format!("{token}x"), &token.replace("here", "hers")] {
            let request = json!({ "email": "a@example.org", "page_token": made_up });
            assert_eq!(asked("list_users", request), None, "{made_up}");
        }
        assert_eq!(asked("list_users", json!({ "page_token": "" })).as_deref(), Some(""));
    }
    #[test]
    fn the_default_order_may_be_said_or_left_out() {
        for (operation, default, other) in [
            ("list_users", "created_at", "created_at desc"),
            ("list_resources", "uri", "uri desc"),
            ("find_leases", "created_at desc", "created_at"),
            ("query_audit", "at desc", "at"),
        ] {
            let Walk(without) = walk(operation, &json!({}));
            for same in ["", default, &format!(" {default}")] {
                assert_eq!(walk(operation, &json!({ "order_by": same })).0, without, "{operation} {same}");
            }
            assert_ne!(walk(operation, &json!({ "order_by": other })).0, without, "{operation}");
        }
        let Walk(ascending) = walk("list_users", &json!({ "order_by": "created_at asc" }));
        assert_eq!(ascending, walk("list_users", &json!({})).0);
    }
}
