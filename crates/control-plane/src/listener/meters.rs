//! What is counted of connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is counted of connections, and of the certificate. Cheap to clone: all clones count together.
#[derive(Clone, Default)]
pub struct ListenerMeters {
    pub(super) open: Gauge,
    refused: Family<Limit, Counter>,
    pub(super) silent: Counter,
    pub(super) failed_handshakes: Counter,
    pub(super) certificate: Family<Outcome, Counter>,
    pub(super) certificate_is_stale: Gauge,
    pub(super) certificate_ends: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    pub(super) outcome: &'static str,
}

impl ListenerMeters {
    pub(super) fn refused(&self, limit: &'static str) -> Counter {
        self.refused.get_or_create_owned(&Limit { limit })
    }

    /// Lets them be read.
    pub fn register(&self, registry: &mut Registry) {
        // Told from the start, so that the first of each is seen to be one more.
        for limit in ["all", "address"] {
            drop(self.refused.get_or_create(&Limit { limit }));
        }
        for outcome in ["done", "failed"] {
            drop(self.certificate.get_or_create(&Outcome { outcome }));
        }
        registry.register(
            "portcullis_connections_open",
            "Connections that are open",
            self.open.clone(),
        );
        registry.register(
            "portcullis_connections_refused",
            "Connections that were closed at once, by the limit they met: of all, or of one address",
            self.refused.clone(),
        );
        registry.register(
            "portcullis_connections_silent",
            "Connections that were closed because no request came in time",
            self.silent.clone(),
        );
        registry.register(
            "portcullis_tls_failed_handshakes",
            "Connections that did not come about for reasons of TLS",
            self.failed_handshakes.clone(),
        );
        registry.register(
            "portcullis_tls_certificate_loads",
            "How often the certificate was read from its files since the start, by outcome",
            self.certificate.clone(),
        );
        registry.register(
            "portcullis_tls_certificate_stale",
            "1 while the files hold a certificate that cannot be used, and the one before it is shown",
            self.certificate_is_stale.clone(),
        );
        registry.register(
            "portcullis_tls_certificate_not_after_seconds",
            "When the certificate that is shown ends, in seconds since 1970; 0 without TLS",
            self.certificate_ends.clone(),
        );
    }
}
