//! Pages of lists: a size, and an opaque token that says where the next page begins.

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
