//! Memory like that which the VMs of an Envoy share, for a registry outside of any Envoy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_registry::memory::{Expect, QueueId, SharedMemory, Version, WriteConflict};

/// Shared memory of this process. Its clones are the same memory.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    values: HashMap<String, (Vec<u8>, u32)>,
    queues: Vec<String>,
    version: u32,
}

impl Memory {
    /// How many keys and how many bytes of values are in it.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let inner = self.inner();
        let bytes = inner.values.values().map(|(value, _)| value.len()).sum();
        (inner.values.len(), bytes)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (keys, bytes) = self.size();
        write!(f, "Memory({keys} keys, {bytes} bytes)")
    }
}

impl SharedMemory for Memory {
    fn read(&self, key: &str) -> Option<(Vec<u8>, Version)> {
        let inner = self.inner();
        let (value, version) = inner.values.get(key)?;
        Some((value.clone(), Version(*version)))
    }

    fn write(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), WriteConflict> {
        let mut inner = self.inner();
        let found = inner.values.get(key).map(|(_, version)| Version(*version));
        match (expect, found) {
            (Expect::Absent, None) => {}
            (Expect::Unchanged(expected), Some(version)) if expected == version => {}
            _ => return Err(WriteConflict),
        }
        inner.version = inner.version.wrapping_add(1);
        let version = inner.version;
        inner
            .values
            .insert(key.to_owned(), (value.to_vec(), version));
        Ok(())
    }

    /// Nobody sleeps here who would have to be woken.
    fn open_queue(&self, name: &str) -> Option<QueueId> {
        let mut inner = self.inner();
        let known = inner.queues.iter().position(|queue| queue == name);
        let place = known.unwrap_or_else(|| {
            inner.queues.push(name.to_owned());
            inner.queues.len() - 1
        });
        QueueId::try_from(place).ok()
    }

    fn ring(&self, _queue: QueueId) {}
}
