//! The signed heads of one chain, read beside its records, a page at a time.

use std::collections::VecDeque;

use crate::{
    broker::Error,
    store::{admin::Checkpoint, backend::Backend},
};

/// The checkpoints of a chain, in the order of the records that they cover.
pub(super) struct Heads<'a> {
    rows: &'a dyn Backend,
    chain: &'a str,
    read: VecDeque<Checkpoint>,
    /// The record that the last one read covers.
    last: i64,
    ended: bool,
}

impl<'a> Heads<'a> {
    pub(super) const fn of(rows: &'a dyn Backend, chain: &'a str) -> Self {
        Self { rows, chain, read: VecDeque::new(), last: 0, ended: false }
    }

    /// The next one, if it covers this record or one before it.
    pub(super) async fn up_to(&mut self, seq: i64) -> Result<Option<Checkpoint>, Error> {
        if self.read.is_empty() && !self.ended {
            let page = self.rows.list_checkpoints(self.chain, self.last, PAGE).await?;
            self.ended = page.is_empty();
            self.last = page.last().map_or(self.last, |checkpoint| checkpoint.seq);
            self.read.extend(page);
        }
        Ok(self.read.pop_front_if(|next| next.seq <= seq))
    }
}

const PAGE: u16 = 500;
