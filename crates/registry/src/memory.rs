//! What the registry asks of the memory that the VMs of one process share, and of the queues that wake them.

/// Which write of a value this is. A write made for another one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub u32);

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// That nobody has written since.
    Unchanged(Version),
    /// That nobody has written ever.
    Absent,
}

/// Somebody else has written meanwhile. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value was changed by someone else")]
pub struct WriteConflict;

/// Names a queue within the process.
pub type QueueId = u32;

/// Memory shared by all VMs of a process. Keys are never deleted, so their number must be bounded.
pub trait SharedMemory {
    /// A value with its version. None when it was never written, or when the host fails.
    fn read(&self, key: &str) -> Option<(Vec<u8>, Version)>;

    /// Writes when the expectation holds.
    ///
    /// # Errors
    /// When it does not, or the host fails.
    fn write(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), WriteConflict>;

    /// Makes this VM the one that is woken by the queue of that name. None when the host fails.
    fn open_queue(&self, name: &str) -> Option<QueueId>;

    /// Wakes whoever opened the queue last.
    fn ring(&self, queue: QueueId);
}

impl Expect {
    /// The expectation that what was read is still so.
    #[must_use]
    pub fn as_read(read: Option<&(Vec<u8>, Version)>) -> Self {
        read.map_or(Self::Absent, |&(_, version)| Self::Unchanged(version))
    }
}
