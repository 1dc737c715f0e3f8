//! Decisions about credentials, asked of the gate as a filter asks it. One file for each concern; the vocabulary is in
//! `scene`, the keys in `keys`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

mod carrying;
mod forging;
mod hearing;
mod keys;
mod limiting;
mod naming;
mod observing;
mod opening;
mod peers;
mod quotas;
mod reading;
mod remembering;
mod scene;
mod second_opinion;
mod telling;
mod tracing;
