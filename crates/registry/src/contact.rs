//! What all VMs of a process know of its conversation with the control plane: when the leader last heard that what is
//! live is the newest, and which start of Envoy this is.

use crate::layout::{CONTACT, INSTANCE};
use crate::memory::{Expect, SharedMemory};

/// Takes note that what is live was the newest at this moment.
pub fn note_contact(memory: &impl SharedMemory, now_ms: u64) {
    let read = memory.read(CONTACT);
    // When someone else was quicker, that is as good.
    let _ = memory.write(
        CONTACT,
        &now_ms.to_le_bytes(),
        Expect::as_read(read.as_ref()),
    );
}

/// When what is live was last known to be the newest. None before the first time.
#[must_use]
pub fn last_contact_ms(memory: &impl SharedMemory) -> Option<u64> {
    let (bytes, _) = memory.read(CONTACT)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// The number that tells this start of Envoy from all others: that of the VM which asked first. `mine` is random.
#[must_use]
pub fn instance(memory: &impl SharedMemory, mine: u64) -> u64 {
    let known = || {
        let (bytes, _) = memory.read(INSTANCE)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    known()
        .or_else(|| {
            // Where it fails, someone else was first.
            let _ = memory.write(INSTANCE, &mine.to_le_bytes(), Expect::Absent);
            known()
        })
        .unwrap_or(mine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Memory;

    #[test]
    fn all_vms_of_a_process_have_the_number_of_the_first() {
        let memory = Memory::default();
        assert_eq!(instance(&memory, 7), 7);
        assert_eq!(instance(&memory, 8), 7);
    }

    #[test]
    fn every_vm_knows_of_the_last_contact() {
        let memory = Memory::default();
        assert_eq!(last_contact_ms(&memory), None);
        note_contact(&memory, 5);
        note_contact(&memory, 9);
        assert_eq!(last_contact_ms(&memory), Some(9));
    }
}
