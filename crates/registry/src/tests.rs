//! Sentences about the registry as a whole, over shared memory that can fail.

mod cache;
mod doubt;
mod labels;
mod leadership;
mod limits;
mod quotas;
mod simulation;
mod sync;
mod usage;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::memory::{Expect, QueueId, SharedMemory, Version, WriteConflict};

/// Shared memory for one thread, which counts what it is asked and can be made to fail after some writes.
#[derive(Clone, Default)]
pub(crate) struct Memory(Rc<Inner>);

#[derive(Default)]
pub(crate) struct Inner {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    queues: RefCell<Vec<String>>,
    /// Each opening of a queue.
    opened: RefCell<Vec<QueueId>>,
    rung: RefCell<Vec<QueueId>>,
    version: Cell<u32>,
    reads: Cell<u32>,
    writes_left: Cell<Option<u32>>,
    /// What happens before the write of that number from now on.
    interruption: RefCell<Option<(u32, Interruption)>>,
}

type Interruption = Box<dyn FnOnce()>;

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Memory {
    /// How many reads `action` takes.
    fn reads_of(&self, action: impl FnOnce()) -> u32 {
        let before = self.0.reads.get();
        action();
        self.0.reads.get() - before
    }

    /// How many values `action` writes.
    fn writes_of(&self, action: impl FnOnce()) -> u32 {
        let before = self.0.version.get();
        action();
        self.0.version.get() - before
    }

    /// Lets the next `count` writes succeed and all others fail, as if the writer died; None: all succeed.
    fn fail_after(&self, count: Option<u32>) {
        self.0.writes_left.set(count);
    }

    /// Lets something happen between two writes, as if other threads ran: after `count` more of them.
    fn before_write(&self, count: u32, interruption: Interruption) {
        *self.0.interruption.borrow_mut() = Some((count, interruption));
    }

    /// Whether that has not happened yet.
    fn is_waiting(&self) -> bool {
        self.0.interruption.borrow().is_some()
    }

    fn interrupt(&self) {
        let due = {
            let mut interruption = self.0.interruption.borrow_mut();
            match interruption.as_mut() {
                Some((0, _)) => interruption.take(),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some((_, interruption)) = due {
            interruption();
        }
    }

    fn bytes(&self) -> usize {
        let values = self.0.values.borrow();
        values.values().map(|(bytes, _)| bytes.len()).sum()
    }

    fn keys(&self) -> usize {
        self.0.values.borrow().len()
    }
}

impl SharedMemory for Memory {
    fn read(&self, key: &str) -> Option<(Vec<u8>, Version)> {
        self.0.reads.set(self.0.reads.get() + 1);
        let values = self.0.values.borrow();
        values
            .get(key)
            .map(|(bytes, version)| (bytes.clone(), Version(*version)))
    }

    fn write(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), WriteConflict> {
        self.interrupt();
        match self.0.writes_left.get() {
            Some(0) => return Err(WriteConflict),
            Some(left) => self.0.writes_left.set(Some(left - 1)),
            None => {}
        }
        let mut values = self.0.values.borrow_mut();
        let found = values.get(key).map(|(_, version)| Version(*version));
        match (expect, found) {
            (Expect::Absent, None) => {}
            (Expect::Unchanged(expected), Some(version)) if expected == version => {}
            _ => return Err(WriteConflict),
        }
        self.0.version.set(self.0.version.get() + 1);
        values.insert(key.into(), (value.to_vec(), self.0.version.get()));
        Ok(())
    }

    fn open_queue(&self, name: &str) -> Option<QueueId> {
        let mut queues = self.0.queues.borrow_mut();
        let at = queues
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| {
                queues.push(name.into());
                queues.len() - 1
            });
        let queue = QueueId::try_from(at).ok()?;
        self.0.opened.borrow_mut().push(queue);
        Some(queue)
    }

    fn ring(&self, queue: QueueId) {
        self.0.rung.borrow_mut().push(queue);
    }
}
