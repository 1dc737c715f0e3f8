//! How much of the control plane one caller, or all of them, may take.

use std::time::Duration;

/// Limits of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many connections there may be.
    pub connections: usize,
    /// How many of them from one address.
    pub connections_per_address: usize,
    /// How many requests one HTTP/2 connection may have open.
    pub streams: u32,
    /// How long the head of a request may take, TLS and what else comes before it included; for HTTP/1.1 also how long a
    /// connection may idle.
    pub head: Duration,
    /// How long a request may take until its answer begins, its body included. Long polls have times of their own.
    pub request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 5_000,
            streams: 256,
            head: Duration::from_secs(30),
            request: Duration::from_secs(30),
        }
    }
}
