//! What is counted of requests: by route and never by path, so that callers cannot make up series.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Bounds of what is told apart, in seconds: changes take milliseconds, long polls up to a minute.
const DURATIONS_S: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 25.0, 60.0,
];

/// What is counted of requests. Cheap to clone: all clones count together.
#[derive(Clone)]
pub struct RequestMeters {
    pub(super) open: Gauge,
    answered: Family<Answered, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

impl Default for RequestMeters {
    fn default() -> Self {
        Self {
            open: Gauge::default(),
            answered: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS_S)),
        }
    }
}

impl RequestMeters {
    pub(super) fn count(&self, method: &'static str, route: &str, status: u16, duration: Duration) {
        let answered = Answered {
            method,
            route: route.to_owned(),
            status,
        };
        self.answered.get_or_create(&answered).inc();
        let Answered { method, route, .. } = answered;
        let durations = self.durations.get_or_create(&Asked { method, route });
        durations.observe(duration.as_secs_f64());
    }

    /// Lets them be read.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_http_requests_open",
            "Requests that are being answered, long polls included",
            self.open.clone(),
        );
        registry.register(
            "portcullis_http_requests",
            "Requests, by method, route and status of the answer; 499 when the caller went away before it",
            self.answered.clone(),
        );
        registry.register(
            "portcullis_http_request_duration_seconds",
            "How long requests took until their answer began, by method and route",
            self.durations.clone(),
        );
    }
}
