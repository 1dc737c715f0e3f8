//! What is counted, for whoever watches this Envoy. Of the feed and of the registry the leader publishes for the whole
//! process; every VM counts its own.

use std::borrow::Cow;
use std::cell::Cell;

use portcullis_registry::contact;
use portcullis_registry::ledger::Ledger;

use crate::host::{self, Shared};

/// A number that only grows. Defined the first time that it does, or is to be seen.
#[derive(Debug)]
pub(crate) struct Counter(Metric);

/// A number that goes up and down. Defined the first time that it is set.
#[derive(Debug)]
pub(crate) struct Gauge(Metric);

/// A metric that takes memory of the host only from when it is used.
#[derive(Debug)]
struct Metric {
    name: Cow<'static, str>,
    id: Cell<Option<u32>>,
}

impl Counter {
    pub(crate) fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self(Metric::named(name.into()))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Shows it from now on, so that the first time that it counts is seen to be one more.
    pub(crate) fn show(&self) {
        let _ = self.0.id(host::define_counter);
    }

    /// Counts some more.
    pub(crate) fn count(&self, more: u64) {
        if more > 0
            && let Some(id) = self.0.id(host::define_counter)
        {
            host::count(id, more);
        }
    }

    /// How much it is for the whole process.
    pub(crate) fn total(&self) -> u64 {
        self.0.id(host::define_counter).map_or(0, host::counted)
    }
}

impl Gauge {
    fn named(name: &'static str) -> Self {
        Self(Metric::named(name.into()))
    }

    /// Says how much it is now.
    pub(crate) fn set(&self, value: u64) {
        if let Some(id) = self.0.id(host::define_gauge) {
            host::record(id, value);
        }
    }
}

impl Metric {
    const fn named(name: Cow<'static, str>) -> Self {
        Self {
            name,
            id: Cell::new(None),
        }
    }

    /// What the host calls it. None when the host refuses it.
    fn id(&self, define: impl FnOnce(&str) -> Option<u32>) -> Option<u32> {
        if self.id.get().is_none() {
            self.id.set(define(&self.name));
        }
        self.id.get()
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
        for counter in [&self.errors, &self.signature_errors, &self.resyncs] {
            counter.show();
        }
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
