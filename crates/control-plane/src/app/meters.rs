//! What is counted of the work of the app.

use std::time::Duration;

use portcullis_feed::UsageBatch;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Bounds of what is told apart of the database, in seconds.
const DURATIONS_S: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0,
];

/// What is counted of the work of the app.
pub struct AppMeters {
    /// How long edits waited until they might begin.
    pub(super) edit_waits: Histogram,
    commits: Histogram,
    pages_made: Counter,
    pages_shared: Counter,
    page_bytes: Counter,
    key_set_fetches: Family<Outcome, Counter>,
    usage_batches: Family<Outcome, Counter>,
    usage_requests: Counter,
    usage_lost: Counter,
    usage_exports: Family<Outcome, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Default for AppMeters {
    fn default() -> Self {
        let durations = || Histogram::new(DURATIONS_S);
        Self {
            edit_waits: durations(),
            commits: durations(),
            pages_made: Counter::default(),
            pages_shared: Counter::default(),
            page_bytes: Counter::default(),
            key_set_fetches: Family::default(),
            usage_batches: Family::default(),
            usage_requests: Counter::default(),
            usage_lost: Counter::default(),
            usage_exports: Family::default(),
        }
    }
}

impl AppMeters {
    /// What is told how long commits take.
    pub(super) fn commit_watcher(&self) -> impl Fn(Duration) + Send + Sync + use<> {
        let commits = self.commits.clone();
        move |duration| commits.observe(duration.as_secs_f64())
    }

    /// Counts a page that a question led to: whether it was made for that, or there already.
    pub(super) fn count_page(&self, is_made: bool) {
        if is_made {
            self.pages_made.inc();
        } else {
            self.pages_shared.inc();
        }
    }

    /// Counts a page that a gateway is told.
    pub(crate) fn count_bytes(&self, page: &[u8]) {
        self.page_bytes
            .inc_by(u64::try_from(page.len()).unwrap_or(u64::MAX));
    }

    pub(super) fn count_fetch(&self, is_success: bool) {
        let outcome = if is_success { "done" } else { "failed" };
        let fetches = self.key_set_fetches.get_or_create(&Outcome { outcome });
        fetches.inc();
    }

    /// Counts a batch of usage that is kept, now or before.
    pub(super) fn count_usage(&self, batch: &UsageBatch, is_new: bool) {
        self.count_batch(if is_new { "counted" } else { "repeated" });
        if is_new {
            let requests = batch.rows.iter().map(|row| row.requests);
            let requests = requests.fold(0_u64, u64::saturating_add);
            self.usage_requests.inc_by(requests);
            self.usage_lost.inc_by(batch.lost);
        }
    }

    /// Counts a batch of usage that is not kept.
    pub(super) fn count_refused_usage(&self) {
        self.count_batch("refused");
    }

    /// Counts an export of usage.
    pub(crate) fn count_usage_export(&self, is_success: bool) {
        let outcome = if is_success { "done" } else { "failed" };
        self.usage_exports.get_or_create(&Outcome { outcome }).inc();
    }

    fn count_batch(&self, outcome: &'static str) {
        self.usage_batches.get_or_create(&Outcome { outcome }).inc();
    }

    /// Lets them be read.
    pub fn register(&self, registry: &mut Registry) {
        for outcome in ["done", "failed"] {
            // Told from the start, so that the first failure is seen to be one more.
            drop(self.key_set_fetches.get_or_create(&Outcome { outcome }));
            drop(self.usage_exports.get_or_create(&Outcome { outcome }));
        }
        for outcome in ["counted", "repeated", "refused"] {
            drop(self.usage_batches.get_or_create(&Outcome { outcome }));
        }
        registry.register(
            "portcullis_database_edit_wait_seconds",
            "How long changes waited until none other was being written",
            self.edit_waits.clone(),
        );
        registry.register(
            "portcullis_database_commit_seconds",
            "How long the database took to keep a change",
            self.commits.clone(),
        );
        registry.register(
            "portcullis_feed_pages_made",
            "Pages of the feed that were made from the database",
            self.pages_made.clone(),
        );
        registry.register(
            "portcullis_feed_pages_shared",
            "Questions of gateways that found what was made for another",
            self.pages_shared.clone(),
        );
        registry.register(
            "portcullis_feed_page_bytes",
            "Bytes of pages that were told to gateways",
            self.page_bytes.clone(),
        );
        registry.register(
            "portcullis_key_set_fetches",
            "How often a key set was fetched from an identity provider, by outcome",
            self.key_set_fetches.clone(),
        );
        registry.register(
            "portcullis_usage_batches",
            "Batches of usage that gateways sent, by outcome: counted, repeated, refused",
            self.usage_batches.clone(),
        );
        registry.register(
            "portcullis_usage_requests",
            "Requests that gateways have told of and that are counted",
            self.usage_requests.clone(),
        );
        registry.register(
            "portcullis_usage_lost",
            "Requests that gateways know not to have counted",
            self.usage_lost.clone(),
        );
        registry.register(
            "portcullis_usage_exports",
            "Exports of usage to a collector of OpenTelemetry, by outcome",
            self.usage_exports.clone(),
        );
    }
}
