//! What is counted of the feed and of the registry, for whoever watches this Envoy. The leader publishes for the whole
//! process; every VM counts its own.

use std::cell::Cell;

use portcullis_registry::contact;
use portcullis_registry::ledger::Ledger;

use crate::host::{self, Shared};

/// A number that only grows. Defined the first time that it does.
#[derive(Debug)]
pub(crate) struct Counter {
    name: &'static str,
    id: Cell<Option<u32>>,
}

/// A number that goes up and down. Defined the first time that it is set.
#[derive(Debug)]
pub(crate) struct Gauge {
    name: &'static str,
    id: Cell<Option<u32>>,
}

impl Counter {
    pub(crate) const fn named(name: &'static str) -> Self {
        Self {
            name,
            id: Cell::new(None),
        }
    }

    /// Counts some more.
    pub(crate) fn count(&self, more: u64) {
        if more == 0 {
            return;
        }
        if self.id.get().is_none() {
            self.id.set(host::define_counter(self.name));
        }
        if let Some(id) = self.id.get() {
            host::count(id, more);
        }
    }
}

impl Gauge {
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            id: Cell::new(None),
        }
    }

    /// Says how much it is now.
    pub(crate) fn set(&self, value: u64) {
        if self.id.get().is_none() {
            self.id.set(host::define_gauge(self.name));
        }
        if let Some(id) = self.id.get() {
            host::record(id, value);
        }
    }
}

/// What the leader knows.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) errors: Counter,
    pub(crate) signature_errors: Counter,
    pub(crate) resyncs: Counter,
    /// By how many changes what is live was behind when the control plane was last heard.
    pub(crate) lag: Gauge,
    revision: Gauge,
    contact_age_ms: Gauge,
    members: Gauge,
    profiles: Gauge,
    credentials: Gauge,
    bytes: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            errors: Counter::named("portcullis.feed.errors"),
            signature_errors: Counter::named("portcullis.feed.signature_errors"),
            resyncs: Counter::named("portcullis.feed.resyncs"),
            lag: Gauge::named("portcullis.feed.lag"),
            revision: Gauge::named("portcullis.feed.revision"),
            contact_age_ms: Gauge::named("portcullis.feed.contact_age_ms"),
            members: Gauge::named("portcullis.vms"),
            profiles: Gauge::named("portcullis.registry.profiles"),
            credentials: Gauge::named("portcullis.registry.credentials"),
            bytes: Gauge::named("portcullis.registry.bytes"),
        }
    }
}

impl Metrics {
    /// Publishes how things are.
    pub(crate) fn publish(&self, now_ms: u64, members: u32) {
        self.members.set(u64::from(members));
        if let Some(contact_ms) = contact::last_contact_ms(&Shared) {
            self.contact_age_ms.set(now_ms.saturating_sub(contact_ms));
        }
        let Some(live) = Ledger::read(&Shared).and_then(|(ledger, _)| ledger.live) else {
            return;
        };
        self.revision.set(live.revision);
        self.profiles.set(live.sizes.profiles);
        self.credentials.set(live.sizes.credentials);
        self.bytes.set(live.sizes.bytes);
    }
}

/// What each VM counts of itself.
#[derive(Debug)]
pub(crate) struct VmMetrics {
    pub(crate) leadership_changes: Counter,
    hits: Counter,
    misses: Counter,
}

impl Default for VmMetrics {
    fn default() -> Self {
        Self {
            leadership_changes: Counter::named("portcullis.leadership_changes"),
            hits: Counter::named("portcullis.cache.hits"),
            misses: Counter::named("portcullis.cache.misses"),
        }
    }
}

impl VmMetrics {
    /// Counts how often the cache knew a credential, and how often it did not, since the last time.
    pub(crate) fn count_lookups(&self, (hits, misses): (u64, u64)) {
        self.hits.count(hits);
        self.misses.count(misses);
    }
}
