//! The records that a VM has used lately. Bounded by weight, not by count: one profile may have ten thousand addresses.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use portcullis_engine::Holder;
use portcullis_feed::Digest;

/// What an entry weighs beside its encoded record, in bytes.
const ENTRY_BYTES: usize = 400;

/// Two halves: what is used moves to the young one; when that is full, the old one is dropped and they change places.
#[derive(Debug)]
pub(crate) struct Cache {
    young: Half,
    old: Half,
    half_bytes: usize,
}

#[derive(Debug, Default)]
struct Half {
    entries: HashMap<Digest, Entry, BuildHasherDefault<DigestHasher>>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    holder: Arc<Holder>,
    page: u32,
    bytes: usize,
}

impl Cache {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            young: Half::default(),
            old: Half::default(),
            half_bytes: bytes / 2,
        }
    }

    pub(crate) fn find(&mut self, digest: &Digest) -> Option<Arc<Holder>> {
        if let Some(entry) = self.young.entries.get(digest) {
            return Some(Arc::clone(&entry.holder));
        }
        let entry = self.old.entries.remove(digest)?;
        let holder = Arc::clone(&entry.holder);
        self.put(*digest, entry);
        Some(holder)
    }

    pub(crate) fn insert(
        &mut self,
        digest: Digest,
        holder: Arc<Holder>,
        page: u32,
        record_bytes: usize,
    ) {
        // Decoded, a record takes about twice its encoded size.
        let bytes = record_bytes.saturating_mul(2).saturating_add(ENTRY_BYTES);
        self.put(
            digest,
            Entry {
                holder,
                page,
                bytes,
            },
        );
    }

    fn put(&mut self, digest: Digest, entry: Entry) {
        if self.young.bytes.saturating_add(entry.bytes) > self.half_bytes {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.bytes = self.young.bytes.saturating_add(entry.bytes);
        self.young.entries.insert(digest, entry);
    }

    pub(crate) fn forget(&mut self, pages: &[u32]) {
        for half in [&mut self.young, &mut self.old] {
            let mut freed: usize = 0;
            half.entries.retain(|_, entry| {
                let keep = !pages.contains(&entry.page);
                if !keep {
                    freed = freed.saturating_add(entry.bytes);
                }
                keep
            });
            half.bytes = half.bytes.saturating_sub(freed);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.young = Half::default();
        self.old = Half::default();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.entries.len() + self.old.entries.len()
    }
}

/// A digest is as good as its own hash, and no caller can choose what is in the cache: only known keys are.
#[derive(Debug, Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of a digest says nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
