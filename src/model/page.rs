//! Pages of lists: a size, an order, and where the next page begins.

use std::{fmt, str::FromStr};

use super::named::named;

/// How many items a page holds: 1 to 1,000, 50 unless told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u16);

/// The size lies outside the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("page_size must be between 1 and {}", PageSize::MAX)]
pub struct PageSizeError;

impl PageSize {
    /// The most items of one page.
    pub const MAX: u16 = 1_000;

    /// Checks a size; 0 means the default, as google.api has it.
    ///
    /// # Errors
    /// [`PageSizeError`] when negative or above 1,000.
    pub fn from_number(number: i64) -> Result<Self, PageSizeError> {
        match u16::try_from(number) {
            Ok(0) => Ok(Self::default()),
            Ok(size) if size <= Self::MAX => Ok(Self(size)),
            _ => Err(PageSizeError),
        }
    }

    /// Items.
    #[must_use]
    pub const fn items(self) -> u16 {
        self.0
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

/// One page: the items, and where the next page begins when there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, P> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The position of the last item, when more follow.
    pub next: Option<P>,
}

named! {
    /// What a list may be sorted by.
    OrderKey, "order":
    /// The time of creation, which ids follow.
    CreatedAt = "created_at";
    /// The e-mail address.
    Email = "email";
    /// The name.
    Name = "name";
    /// The service's name.
    Service = "service";
    /// The URI.
    Uri = "uri";
}

/// In which order a list is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// By what; what is equal there is in the order of its ids.
    pub key: OrderKey,
    /// The largest first.
    pub descending: bool,
}

/// The last item of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is sorted by, as text.
    pub key: String,
    /// Its id.
    pub id: String,
}

/// What can be listed: knows where a page that ends with it goes on.
pub trait Listed {
    /// Where the next page begins, in a list sorted by `key`.
    fn cursor(&self, key: OrderKey) -> Cursor;
}

/// A filter over a list, and the part of it that is wanted.
#[derive(Debug, Clone)]
pub struct ListQuery<F> {
    /// What to leave out.
    pub filter: F,
    /// In which order.
    pub order: Order,
    /// The last item of the page before.
    pub after: Option<Cursor>,
    /// At most as many.
    pub size: PageSize,
}
