//! Randomness, injected. Nothing else asks the system for random bytes.

use crate::model::{
    id::{Id, RANDOM_BYTES},
    instant::Instant,
};

/// A source of random bytes, fit for keys and tokens.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn Entropy {
    /// A new id of any kind.
    pub fn id<I: Id>(&self, now: Instant) -> I {
        I::from_parts(now, self.bytes::<RANDOM_BYTES>())
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        self.fill(&mut buffer);
        buffer
    }
}
