//! The records that a VM has used lately, and from which page each came.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use portcullis_engine::Holder;
use portcullis_engine::recent::Recent;
use portcullis_feed::Digest;

/// What an entry weighs beside its encoded record, in bytes.
const ENTRY_BYTES: usize = 300;

/// The records that a VM has used lately. Bounded by weight.
#[derive(Debug)]
pub(crate) struct Cache(Recent<Digest, Entry, BuildHasherDefault<DigestHasher>>);

#[derive(Debug, Clone)]
struct Entry {
    holder: Arc<Holder>,
    page: u32,
}

impl Cache {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Recent::new(bytes, ENTRY_BYTES))
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Holder>> {
        self.0.find(digest).map(|entry| entry.holder)
    }

    pub(crate) fn insert(
        &mut self,
        digest: Digest,
        holder: Arc<Holder>,
        page: u32,
        record_bytes: usize,
    ) {
        // Decoded, what may be long in a record takes as much as encoded.
        let bytes = record_bytes.saturating_add(ENTRY_BYTES);
        self.0.insert(digest, Entry { holder, page }, bytes);
    }

    pub(crate) fn forget(&mut self, pages: &[u32]) {
        self.0.retain(|entry| !pages.contains(&entry.page));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
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
