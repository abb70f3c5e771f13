//! Lists: from what a caller asks for to a place in an order, and back to a token for the next page.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;

use crate::{
    keyring::digest::TokenDigest,
    model::page::{Cursor, Order, OrderKey, Page, PageSize},
};

use super::{Error, Violation};

/// Which part of a list is wanted, as sent.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// 1 to 1,000; 50 unless told.
    pub page_size: Option<i64>,
    /// Of the page before; empty for the first.
    pub page_token: Option<String>,
    /// What to sort by, `created_at` unless told; with ` desc` the largest first.
    pub order_by: Option<String>,
}

/// One page, for the caller.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// For the next page, when there is one.
    pub next_page_token: Option<String>,
}

impl ListRequest {
    /// Reads the order, the place and the size. The list can be sorted by `keys`, by the first of them unless told.
    ///
    /// # Errors
    /// [`super::Code::InvalidRequest`] that names each wrong field.
    pub(crate) fn read(&self, keys: &[OrderKey]) -> Result<(Order, Option<Cursor>, PageSize), Error> {
        let order = self.order(keys);
        let size = PageSize::from_number(self.page_size.unwrap_or_default())
            .map_err(|error| Violation::new("page_size", error.to_string()));
        let after = match (&order, self.page_token.as_deref()) {
            (Ok(order), Some(token)) if !token.is_empty() => decode(*order, token).map(Some),
            _ => Ok(None),
        };
        match (order, after, size) {
            (Ok(order), Ok(after), Ok(size)) => Ok((order, after, size)),
            (order, after, size) => {
                let wrong = [order.err(), after.err(), size.err()];
                Err(Error::invalid(wrong.into_iter().flatten().collect()))
            }
        }
    }

    fn order(&self, keys: &[OrderKey]) -> Result<Order, Violation> {
        let text = self.order_by.as_deref().unwrap_or_default().trim();
        let (name, descending) = match text.strip_suffix(" desc") {
            Some(name) => (name.trim_end(), true),
            None => (text.strip_suffix(" asc").unwrap_or(text), false),
        };
        let key = if name.is_empty() { keys.first() } else { keys.iter().find(|key| key.as_str() == name) };
        key.map(|key| Order { key: *key, descending }).ok_or_else(|| {
            let names: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
            let reason = format!("must be one of {}, alone or with ` desc`", names.join(", "));
            Violation::new("order_by", reason)
        })
    }
}

impl<T> Listing<T> {
    /// The whole of a list that fits a page.
    pub(crate) const fn all(items: Vec<T>) -> Self {
        Self { items, next_page_token: None }
    }

    /// A page of a list in this order.
    pub(crate) fn of(order: Order, page: Page<T, Cursor>) -> Self {
        let next_page_token = page.next.map(|cursor| encode(order, &cursor));
        Self { items: page.items, next_page_token }
    }

    /// The same page of something else.
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Listing<U> {
        let items = self.items.into_iter().map(view).collect();
        Listing { items, next_page_token: self.next_page_token }
    }
}

/// A token for a place in a list, which `list` tells from every other, with what narrows it. No secret: it keeps tokens
/// from being taken to another list, and from being made up by accident.
#[must_use]
pub fn sealed(list: &str, place: &str) -> String {
    let digest = TokenDigest::of(&format!("{list}\n{place}"));
    let (mark, _) = digest.as_bytes().split_at(MARK_BYTES);
    format!("{}{place}", BASE64URL_NOPAD.encode(mark))
}

/// The place that a token of this list stands for.
///
/// # Errors
/// What is wrong with the token.
pub fn opened<T: FromStr>(list: &str, token: &str) -> Result<T, Violation> {
    let place = token.get(MARK_CHARACTERS..).filter(|place| sealed(list, place) == token);
    place.and_then(|place| place.parse().ok()).ok_or_else(|| Violation::new("page_token", FOREIGN))
}

fn encode(order: Order, cursor: &Cursor) -> String {
    let text = format!("{}\n{}\n{}", direction(order), cursor.id, cursor.key);
    BASE64URL_NOPAD.encode(text.as_bytes())
}

fn decode(order: Order, token: &str) -> Result<Cursor, Violation> {
    let wrong = || Violation::new("page_token", FOREIGN);
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| wrong())?;
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    let mut parts = text.splitn(3, '\n');
    let (Some(walked), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    // PostgreSQL's text has no zero byte.
    if walked != direction(order) || text.contains('\0') {
        return Err(wrong());
    }
    Ok(Cursor { key: key.to_owned(), id: id.to_owned() })
}

fn direction(order: Order) -> String {
    format!("{}{}", if order.descending { "-" } else { "+" }, order.key)
}

const FOREIGN: &str = "is not one that this list answered, with these filters and in this order";
const MARK_BYTES: usize = 12;
const MARK_CHARACTERS: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYS: &[OrderKey] = &[OrderKey::CreatedAt, OrderKey::Name];

    fn request(order_by: &str, page_token: &str) -> ListRequest {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ListRequest { page_size: None, page_token: text(page_token), order_by: text(order_by) }
    }

    #[test]
    fn an_order_is_one_of_the_list() {
        let (order, after, size) = request("", "").read(KEYS).expect("the default");
        assert_eq!(order, Order { key: OrderKey::CreatedAt, descending: false });
        assert_eq!((after, size), (None, PageSize::default()));
        let (order, ..) = request("name desc", "").read(KEYS).expect("an order");
        assert_eq!(order, Order { key: OrderKey::Name, descending: true });
        for wrong in ["email", "name down", "name desc desc", "; drop"] {
            let error = request(wrong, "").read(KEYS).expect_err(wrong);
            assert_eq!(error.violations.first().map(|v| v.field.as_str()), Some("order_by"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_place_survives_its_token(key in "[^\0]{0,40}", id in "[a-z0-9_]{1,30}") {
            let order = Order { key: OrderKey::Name, descending: true };
            let cursor = Cursor { key, id };
            let token = encode(order, &cursor);
            prop_assert_eq!(request("name desc", &token).read(KEYS).map(|(_, after, _)| after).ok(), Some(Some(cursor)));
            prop_assert!(request("name", &token).read(KEYS).is_err());
        }

        #[test]
        fn no_token_panics(token in ".{0,60}") {
            let _ = request("", &token).read(KEYS);
        }
    }
}
