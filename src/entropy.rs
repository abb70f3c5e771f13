//! Randomness, injected. Nothing else asks the system for random bytes.
//!
//! Owns the port and its two sources: the operating system's generator, and a seeded stream for tests. It must not
//! know what the bytes become.

use std::sync::atomic::{AtomicU64, Ordering};

use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

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

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(
        clippy::expect_used,
        reason = "the kernel's generator does not fail once it is seeded; if it did, no key could be made, and a \
                  panic ends this one request without using a predictable one"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        system_random().fill(buffer).expect("the operating system gives random bytes");
    }
}

/// A reproducible stream for tests: HMAC-SHA256 of a counter, keyed with the seed. Never for real keys.
#[derive(Debug)]
pub struct SeededEntropy {
    key: hmac::Key,
    next_block: AtomicU64,
}

impl SeededEntropy {
    /// The stream of a seed; the same seed gives the same bytes to the same sequence of calls.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes()), next_block: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(BLOCK_LEN) {
            let number = self.next_block.fetch_add(1, Ordering::Relaxed);
            let block = hmac::sign(&self.key, &number.to_be_bytes());
            for (to, from) in chunk.iter_mut().zip(block.as_ref()) {
                *to = *from;
            }
        }
    }
}

/// The generator that `ring` insists on for making keys and signatures: its trait is sealed, so that an [`Entropy`]
/// cannot stand in for it.
#[expect(clippy::disallowed_methods, reason = "this file is where the system's randomness enters")]
pub(crate) fn system_random() -> SystemRandom {
    SystemRandom::new()
}

/// Bytes of one HMAC-SHA256.
const BLOCK_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_differs_from_others() {
        let draw = |seed| {
            let entropy: &dyn Entropy = &SeededEntropy::new(seed);
            (entropy.bytes::<5>(), entropy.bytes::<70>())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn no_two_draws_are_alike() {
        let sources: [&dyn Entropy; 2] = [&SeededEntropy::new(7), &OsEntropy];
        for entropy in sources {
            assert_ne!(entropy.bytes::<32>(), entropy.bytes::<32>());
        }
    }

    #[test]
    fn long_buffers_are_filled_to_the_end() {
        let entropy: &dyn Entropy = &SeededEntropy::new(3);
        let bytes = entropy.bytes::<256>();
        assert!(bytes.chunks(16).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
    }
}
