//! What was used lately: a map that stays below a weight. Not bounded by count: one profile may have ten thousand
//! addresses.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

/// Two halves: what is used moves to the young one; when that is full, the old one is dropped and they change places.
#[derive(Debug)]
pub struct Recent<K, V, S> {
    young: Half<K, V, S>,
    old: Half<K, V, S>,
    half_bytes: usize,
}

#[derive(Debug)]
struct Half<K, V, S> {
    entries: HashMap<K, Weighed<V>, S>,
    bytes: usize,
}

#[derive(Debug)]
struct Weighed<V> {
    value: V,
    bytes: usize,
}

impl<K, V, S: Default> Default for Half<K, V, S> {
    fn default() -> Self {
        Self {
            entries: HashMap::default(),
            bytes: 0,
        }
    }
}

impl<K: Hash + Eq + Copy, V: Clone, S: BuildHasher + Default> Recent<K, V, S> {
    /// Empty. Its values together stay below about `bytes`.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            young: Half::default(),
            old: Half::default(),
            half_bytes: bytes / 2,
        }
    }

    /// What was put under a key, unless it was dropped since.
    pub fn find(&mut self, key: &K) -> Option<V> {
        if let Some(entry) = self.young.entries.get(key) {
            return Some(entry.value.clone());
        }
        let entry = self.old.entries.remove(key)?;
        self.old.bytes = self.old.bytes.saturating_sub(entry.bytes);
        let value = entry.value.clone();
        self.put(*key, entry);
        Some(value)
    }

    /// Keeps a value that weighs so many bytes.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) {
        if let Some(before) = self.old.entries.remove(&key) {
            self.old.bytes = self.old.bytes.saturating_sub(before.bytes);
        }
        self.put(key, Weighed { value, bytes });
    }

    /// Drops what does not satisfy a condition.
    pub fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        for half in [&mut self.young, &mut self.old] {
            let mut freed: usize = 0;
            half.entries.retain(|_, entry| {
                let keep = keep(&entry.value);
                if !keep {
                    freed = freed.saturating_add(entry.bytes);
                }
                keep
            });
            half.bytes = half.bytes.saturating_sub(freed);
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.young = Half::default();
        self.old = Half::default();
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let (young, old) = (&self.young.entries, &self.old.entries);
        young.len().saturating_add(old.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(&mut self, key: K, entry: Weighed<V>) {
        if self.young.bytes.saturating_add(entry.bytes) > self.half_bytes {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.bytes = self.young.bytes.saturating_add(entry.bytes);
        if let Some(before) = self.young.entries.insert(key, entry) {
            self.young.bytes = self.young.bytes.saturating_sub(before.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    #[test]
    fn what_is_used_stays_and_the_weight_is_bounded() {
        let mut recent: Recent<u32, u32, RandomState> = Recent::new(100);
        recent.insert(0, 0, 10);
        for key in 1..1_000 {
            recent.insert(key, key, 10);
            assert_eq!(recent.find(&0), Some(0), "after {key}");
            assert!(recent.len() <= 10);
        }
        assert_eq!(recent.find(&1), None);
    }

    #[test]
    fn a_key_that_is_put_again_weighs_once() {
        let mut recent: Recent<u32, u32, RandomState> = Recent::new(100);
        for value in 0..100 {
            recent.insert(7, value, 10);
            assert_eq!(recent.find(&7), Some(value));
        }
        recent.insert(8, 8, 10);
        assert_eq!((recent.find(&7), recent.find(&8)), (Some(99), Some(8)));
    }

    #[test]
    fn what_is_not_retained_is_gone_from_both_halves() {
        let mut recent: Recent<u32, u32, RandomState> = Recent::new(100);
        (0..8).for_each(|key| recent.insert(key, key, 10));
        recent.retain(|value| value % 2 == 0);
        let left: Vec<u32> = (0..8).filter_map(|key| recent.find(&key)).collect();
        assert_eq!(left, [0, 2, 4, 6]);
        recent.clear();
        assert!(recent.is_empty());
    }
}
