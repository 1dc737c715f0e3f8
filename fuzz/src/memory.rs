//! Shared memory of one thread, which can be copied, compared, and made to fail.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use portcullis_registry::{Expect, SharedMemory, Version, WriteConflict};

/// Values by key, each with the number of its write.
type Values = BTreeMap<String, (Vec<u8>, u32)>;

#[derive(Clone, Default)]
pub(crate) struct Memory {
    values: Rc<RefCell<Values>>,
    writes_left: Rc<Cell<Option<usize>>>,
}

impl Memory {
    /// Other memory with the same values.
    pub(crate) fn copied(&self) -> Self {
        Self {
            values: Rc::new(RefCell::new(self.values())),
            writes_left: Rc::default(),
        }
    }

    pub(crate) fn values(&self) -> Values {
        self.values.borrow().clone()
    }

    /// Lets so many more writes succeed and all others fail, as if the writer died. None: all succeed.
    pub(crate) fn fail_after(&self, writes: Option<usize>) {
        self.writes_left.set(writes);
    }
}

impl SharedMemory for Memory {
    fn read(&self, key: &str) -> Option<(Vec<u8>, Version)> {
        let values = self.values.borrow();
        let (value, write) = values.get(key)?;
        Some((value.clone(), Version(*write)))
    }

    fn write(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), WriteConflict> {
        if let Some(left) = self.writes_left.get() {
            self.writes_left
                .set(Some(left.checked_sub(1).ok_or(WriteConflict)?));
        }
        let mut values = self.values.borrow_mut();
        let found = values.get(key).map(|(_, write)| Version(*write));
        let is_expected = match expect {
            Expect::Absent => found.is_none(),
            Expect::Unchanged(version) => found == Some(version),
        };
        if !is_expected {
            return Err(WriteConflict);
        }
        let write = found.map_or(1, |Version(write)| write + 1);
        values.insert(key.to_owned(), (value.to_vec(), write));
        Ok(())
    }

    fn open_queue(&self, _: &str) -> Option<u32> {
        None
    }

    fn ring(&self, _: u32) {}
}
