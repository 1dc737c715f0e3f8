//! The binary itself: how it starts, what it prints, why it does not start, and how it stops.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

mod backup;
mod collector;
mod command_line;
mod configuration;
mod desk;
mod disk_full;
mod explaining;
mod exported_limits;
mod feed_keys;
mod gateways;
mod health;
mod key_sets;
mod limits;
mod logs;
mod metrics;
mod process;
mod secret_key;
mod settings;
mod starting;
mod stopping;
mod tls;
mod traces;
mod usage_export;
