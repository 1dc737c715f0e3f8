//! What the store promises, on SQLite. One file for each promise, and the same ones on PostgreSQL; the vocabulary is in
//! `books`, and what differs in `ground`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

#[path = "ground/folder.rs"]
mod ground;

mod audit;
mod backups;
mod batches;
mod books;
mod concurrency;
mod credentials;
mod feed;
mod feed_keys;
mod files;
mod gateways;
mod history;
mod key_sets;
mod lists;
mod opening;
mod people;
mod quotas;
mod records;
mod restoring;
mod rotation;
mod tokens;
mod upgrading;
mod usage;
