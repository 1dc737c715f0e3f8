//! What was used lately: a map that stays below a weight. Not bounded by count: one profile may have ten thousand
//! addresses. What is used often stays, however many others are used once: most callers of a large API call rarely.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use quick_cache::unsync::{Cache, DefaultLifecycle};

/// A bounded map. To insert is a bounded effort too: what has to go for it goes one by one.
pub struct Recent<K, V, S>(Cache<K, Weighed<V>, Weight, S, DefaultLifecycle<K, Weighed<V>>>);

#[derive(Clone)]
struct Weighed<V> {
    value: V,
    bytes: u32,
}

#[derive(Clone)]
struct Weight;

impl<K, V> quick_cache::Weighter<K, Weighed<V>> for Weight {
    fn weight(&self, _: &K, entry: &Weighed<V>) -> u64 {
        entry.bytes.into()
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher + Default> Recent<K, V, S> {
    /// Empty. Its values together stay below `bytes`, and usually weigh `usual_bytes` each.
    #[must_use]
    pub fn new(bytes: usize, usual_bytes: usize) -> Self {
        // Half as many as this are known again after they were dropped: who comes back so soon stays.
        let count = bytes
            .saturating_mul(2)
            .checked_div(usual_bytes)
            .unwrap_or(0);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let lifecycle = DefaultLifecycle::default();
        Self(Cache::with(count, bytes, Weight, S::default(), lifecycle))
    }

    /// What was put under a key, unless it was dropped since.
    pub fn find(&self, key: &K) -> Option<V> {
        self.0.get(key).map(|entry| entry.value.clone())
    }

    /// Keeps a value that weighs so many bytes, if there is room for it at all.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.0.insert(key, Weighed { value, bytes });
    }

    /// Drops what does not satisfy a condition.
    pub fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        self.0.retain(|key, entry| keep(key, &entry.value));
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K, V, S> fmt::Debug for Recent<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    #[test]
    fn what_is_used_stays_and_the_weight_is_bounded() {
        let mut recent: Recent<u32, u32, RandomState> = Recent::new(100, 10);
        recent.insert(0, 0, 10);
        for key in 1..1_000 {
            recent.insert(key, key, 10);
            assert_eq!(recent.find(&0), Some(0), "after {key}");
            assert!(recent.len() <= 10);
        }
        assert_eq!(recent.find(&999), Some(999));
    }

    #[test]
    fn what_is_used_no_more_makes_room() {
        let mut recent: Recent<u32, u32, RandomState> = Recent::new(100, 10);
        for keys in [0..8, 100..108, 200..208] {
            for _ in 0..100 {
                for key in keys.clone() {
                    if recent.find(&key).is_none() {
                        recent.insert(key, key, 10);
                    }
                }
            }
            let found: Vec<u32> = keys.clone().filter_map(|key| recent.find(&key)).collect();
            assert_eq!(found, keys.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_weighs_more_than_all_may_is_not_kept() {
        let mut recent: Recent<u32, u32, RandomState> = Recent::new(100, 10);
        recent.insert(1, 1, 10);
        recent.insert(2, 2, 101);
        assert_eq!((recent.find(&1), recent.find(&2)), (Some(1), None));
    }

    #[test]
    fn a_key_that_is_put_again_weighs_once() {
        let mut recent: Recent<u32, u32, RandomState> = Recent::new(100, 10);
        for value in 0..100 {
            recent.insert(7, value, 10);
            assert_eq!(recent.find(&7), Some(value));
        }
        recent.insert(8, 8, 10);
        assert_eq!((recent.find(&7), recent.find(&8)), (Some(99), Some(8)));
    }

    #[test]
    fn what_is_not_retained_is_gone() {
        let mut recent: Recent<u32, u32, RandomState> = Recent::new(100, 10);
        (0..8).for_each(|key| recent.insert(key, key, 10));
        recent.retain(|_, value| value % 2 == 0);
        let left: Vec<u32> = (0..8).filter_map(|key| recent.find(&key)).collect();
        assert_eq!(left, [0, 2, 4, 6]);
        recent.clear();
        assert!(recent.is_empty());
    }
}
