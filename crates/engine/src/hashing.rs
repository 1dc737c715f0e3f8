//! Hashing of what is as good as its own hash.

use std::hash::{BuildHasherDefault, Hasher};

/// Makes [`FirstBytes`].
pub type ByFirstBytes = BuildHasherDefault<FirstBytes>;

/// For digests that no caller can choose among those that are kept: their first eight bytes.
#[derive(Debug, Default)]
pub struct FirstBytes(u64);

impl Hasher for FirstBytes {
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
