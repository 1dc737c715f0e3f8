//! Chance that is the same again for the same seed.

/// A source of numbers (the generator `SplitMix64`).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to `count` - 1.
    pub(super) const fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % count
    }

    /// Happens once in so many times.
    pub(super) const fn once_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}
