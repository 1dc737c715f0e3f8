//! What the store promises, on PostgreSQL: the same sentences as on SQLite, and those about several processes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

#[path = "ground/server.rs"]
mod ground;

mod audit;
mod batches;
mod books;
mod claims;
mod concurrency;
mod credentials;
mod feed;
mod feed_keys;
mod gateways;
mod history;
mod key_sets;
mod lists;
mod people;
mod quotas;
mod records;
mod replicas;
mod restoring;
mod rotation;
mod tokens;
mod usage;
