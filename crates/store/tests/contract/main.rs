//! What the store promises, on whichever database it stands. One file for each promise; the vocabulary is in `books`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

mod books;
mod concurrency;
mod credentials;
mod feed;
mod feed_keys;
mod gateways;
mod history;
mod key_sets;
mod opening;
mod records;
mod restoring;
mod tokens;
mod upgrading;
