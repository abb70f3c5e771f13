//! Random choices that can be repeated: xorshift64*, seeded from `LEASEHOLD_TEST_SEED` or the clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The run's own stream for one purpose. The seed is printed, and shown when the test fails.
    pub(crate) fn for_run(purpose: &str) -> Self {
        let seed: u64 = std::env::var("LEASEHOLD_TEST_SEED").ok().map_or_else(
            || {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .expect("a clock after 1970")
                    .subsec_nanos()
                    .into()
            },
            |text| text.parse().expect("LEASEHOLD_TEST_SEED: a number"),
        );
        println!("{purpose}: LEASEHOLD_TEST_SEED={seed}");
        let mixed = purpose.bytes().fold(seed, |mixed, byte| mixed.rotate_left(5) ^ u64::from(byte));
        Self::seeded(mixed)
    }

    /// A stream of its own for one of several workers.
    pub(crate) fn fork(&mut self) -> Self {
        Self::seeded(self.next())
    }

    /// A number below the bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a bound");
        usize::try_from(self.next() % bound).expect("below a usize")
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[5]).collect()
    }

    fn seeded(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
