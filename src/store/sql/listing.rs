//! Lists, walked page by page: for each order a statement for the first page and one for those that follow.
//!
//! A page begins after the last item of the page before, by what the list is sorted by and its id: the database finds
//! the place by an index, however far down the list it is.

use super::Statement;
use crate::model::page::{Order, OrderKey};

/// A list in every order that it can be walked in.
#[derive(Debug)]
pub(in crate::store) struct Listing(pub(in crate::store) &'static [(OrderKey, Walk, Walk)]);

/// One direction of one order. `$1` is how many; then come the filters; then, of the page that follows another, what the
/// list is sorted by and the id of the last item.
#[derive(Debug)]
pub(in crate::store) struct Walk {
    /// The first page.
    pub(in crate::store) first: Statement,
    /// The page that follows another.
    pub(in crate::store) after: Statement,
}

impl Listing {
    /// The statements of an order; none when the list cannot be walked so.
    pub(in crate::store) fn walk(&self, order: Order) -> Option<&'static Walk> {
        let (_, ascending, descending) = self.0.iter().find(|(key, ..)| *key == order.key)?;
        Some(if order.descending { descending } else { ascending })
    }

    /// Every statement of the list.
    #[cfg(test)]
    pub(in crate::store) fn statements(&self) -> impl Iterator<Item = &'static Statement> {
        let walks = self.0.iter().flat_map(|(_, ascending, descending)| [ascending, descending]);
        walks.flat_map(|walk| [&walk.first, &walk.after])
    }
}

/// A file's lists: a select without `WHERE`, a condition over the filters, the parameters of the place, and the columns
/// that the list can be sorted by. The file's list `LISTINGS` is for the test that prepares every statement.
macro_rules! listings {
    ($($(#[$doc:meta])* $name:ident = $label:literal ($select:expr, $filter:expr), after $key:literal $id:literal,
        by { $($order:ident: $column:literal),* };)*) => {
        $(
            $(#[$doc])*
            pub(in crate::store) const $name: $crate::store::sql::Listing = $crate::store::sql::Listing(&[
                $((
                    $crate::model::page::OrderKey::$order,
                    $crate::store::sql::Walk {
                        first: $crate::store::sql::statement!($label, [], concat!(
                            $select, "WHERE ", $filter, " ORDER BY ", $column, ", id LIMIT $1")),
                        after: $crate::store::sql::statement!($label, [], concat!(
                            $select, "WHERE ", $filter, " AND (", $column, ", id) > (", $key, ", ", $id, ") ORDER BY ",
                            $column, ", id LIMIT $1")),
                    },
                    $crate::store::sql::Walk {
                        first: $crate::store::sql::statement!($label, [], concat!(
                            $select, "WHERE ", $filter, " ORDER BY ", $column, " DESC, id DESC LIMIT $1")),
                        after: $crate::store::sql::statement!($label, [], concat!(
                            $select, "WHERE ", $filter, " AND (", $column, ", id) < (", $key, ", ", $id, ") ORDER BY ",
                            $column, " DESC, id DESC LIMIT $1")),
                    },
                )),*
            ]);
        )*

        /// Every list of this file.
        #[cfg(test)]
        pub(in crate::store) const LISTINGS: &[&$crate::store::sql::Listing] = &[$(&$name),*];
    };
}
pub(in crate::store) use listings;
