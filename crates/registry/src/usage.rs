//! What requests there were, on their way from the VMs that counted them to the control plane: each counted exactly once,
//! whichever VM falls or leads.
//!
//! Each VM has a [box](mailbox) of its own in shared memory, into which it puts a parcel of counts when the one before
//! was fetched. The leader fetches them into the [`Outbox`], one value that it replaces as a whole and in which it notes
//! which parcels it has: a leader that falls before it has emptied a box leaves a parcel that the next one knows already.
//! What a VM had not handed over when it fell is known as a number only: how many requests it decided is counted by the
//! host, whose counters outlive VMs.
//! From the outbox numbered batches go to the control plane, one at a time and unchanged until it has taken them.

mod mailbox;
mod outbox;
mod tally;

pub use mailbox::hand_over;
pub use outbox::{Batch, Ended, Fallen, Outbox};
pub use tally::{Alike, Counts, Ends, Parcel, Refused, Tally};
