//! Hashing of numbers that no caller chooses: ids of streams, which count up, and addresses, which are multiples of eight.
//! Multiplied by an odd number (of Fibonacci hashing) they spread.

use std::hash::{BuildHasherDefault, Hasher};

/// Makes [`Spread`].
pub(crate) type Spreading = BuildHasherDefault<Spread>;

/// See the module.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, _: &[u8]) {}

    fn write_usize(&mut self, number: usize) {
        self.write_u64(u64::try_from(number).unwrap_or(0));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
