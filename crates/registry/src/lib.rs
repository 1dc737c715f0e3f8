//! The records inside one Envoy. They live once for each process, in memory that its VMs share and that outlives them:
//! packed into pages, found in place, changed by one leader. Knows neither proxy-wasm nor HTTP.
//!
//! | module | holds |
//! |---|---|
//! | [`memory`] | what is asked of the shared memory |
//! | [`page`] | the bytes of a page |
//! | [`ledger`] | the one value that the leader replaces: what is live, what is being filled |
//! | [`state`] | what is live: which generation, up to which revision, and what changed lately |
//! | [`view`] | the reading side: one in each VM, with its cache |
//! | [`writer`] | the writing side: the leader's, applies pages of the feed |
//! | [`doubt`] | what a leader does not know about the pages that it takes over |
//! | [`lease`] | who is the leader |
//! | [`roster`] | which VMs there are, to wake them, and what they have applied |
//! | [`limiter`] | how often callers called lately, and who may not call now |
//! | [`quotas`] | how much callers called in a day, a week or a month |
//! | [`usage`] | what requests there were, until the control plane knows |
//! | [`labels`] | what metrics tell apart |
//! | [`contact`] | when the control plane was last heard |

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::string_slice
    )
)]

mod cache;
pub mod contact;
pub mod doubt;
pub mod labels;
pub mod layout;
pub mod lease;
pub mod ledger;
pub mod limiter;
pub mod memory;
pub mod page;
pub mod quotas;
pub mod roster;
pub mod state;
mod target;
pub mod usage;
pub mod view;
pub mod writer;

pub use lease::Lease;
pub use limiter::Limiter;
pub use memory::{Expect, SharedMemory, Version, WriteConflict};
pub use quotas::Quotas;
pub use roster::{Census, Report, Roster};
pub use view::View;
pub use writer::{Progress, RefusedPage, Writer};

#[cfg(test)]
mod tests;
