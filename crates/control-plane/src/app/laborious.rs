//! Work that keeps a processor busy for long: done so that whoever else is served goes on being served.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does it. The other tasks of this thread go on elsewhere, where there is an elsewhere.
pub(crate) fn at_length<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|here| here.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
