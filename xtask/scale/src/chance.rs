//! Chance that is the same each time: every record draws from a stream of its own, so that the millionth can be made
//! without the others.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// What is drawn. Each kind has streams of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Client = 1,
    Profile = 2,
    ApiKey = 3,
    Collection = 4,
    Policy = 5,
    Order = 6,
    Caller = 7,
}

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of one object.
    pub(crate) fn of(seed: u64, kind: Kind, number: u64) -> Self {
        let mut bytes = [0; 32];
        let (left, right) = bytes.split_at_mut(8);
        left.copy_from_slice(&seed.to_le_bytes());
        if let Some(place) = right.first_mut() {
            *place = kind as u8;
        }
        let mut stream = ChaCha8Rng::from_seed(bytes);
        stream.set_stream(number);
        Self(stream)
    }

    /// A number below `bound`, which is not 0. The lower ones come more often by less than one in four billion.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.0.next_u64()) * (bound as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from 0 up to but not 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        // As many bits as a double holds exactly.
        f64::from(u32::try_from(self.0.next_u64() >> 32).unwrap_or(0)) / 4_294_967_296.0
    }

    /// Whether something comes true that does so in so many of a thousand cases.
    pub(crate) fn in_thousand(&mut self, cases: usize) -> bool {
        self.below(1_000) < cases
    }

    /// One of some.
    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, some: &[&'a T]) -> Option<&'a T> {
        some.get(self.below(some.len().max(1))).copied()
    }

    /// Random bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// The random part of an identifier.
    pub(crate) fn id(&mut self) -> u128 {
        u128::from_le_bytes(self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_each_time_and_unlike_all_others() {
        let draw = |seed, kind, number| Chance::of(seed, kind, number).bytes::<16>();
        let first = draw(1, Kind::Client, 7);
        assert_eq!(first, draw(1, Kind::Client, 7));
        for other in [
            draw(2, Kind::Client, 7),
            draw(1, Kind::Profile, 7),
            draw(1, Kind::Client, 8),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut chance = Chance::of(1, Kind::Order, 0);
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            seen[chance.below(7)] += 1;
            assert!((0.0..1.0).contains(&chance.fraction()));
        }
        assert!(
            seen.iter().all(|&count| (800..1_200).contains(&count)),
            "{seen:?}"
        );
    }
}
