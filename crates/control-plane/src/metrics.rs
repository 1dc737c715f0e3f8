//! What is counted, for those who watch over the control plane: the text that Prometheus reads, at `/metrics` of a listener
//! of its own. No series depends on a record, a caller or a path, so that there are never more than a few hundred.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::app::gateway::GatewayState;
use crate::health::{self, Health};
use crate::listener::ListenerMeters;
use crate::requests::RequestMeters;
use crate::version;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All that is counted.
pub struct Metrics {
    app: Arc<App>,
    standing: Standing,
    registry: Registry,
}

/// What is looked up when somebody asks.
#[derive(Clone, Default)]
struct Standing {
    revision: Gauge,
    gateways: Family<InState, Gauge>,
    polls: Gauge,
    lag: Gauge,
    behind_s: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: String,
}

impl Metrics {
    /// Of a control plane.
    #[must_use]
    pub fn of(app: Arc<App>, listener: &ListenerMeters, requests: &RequestMeters) -> Self {
        let mut registry = Registry::default();
        let build = Info::new([("version", version::NUMBER), ("commit", version::COMMIT)]);
        registry.register("portcullis_build", "What runs", build);
        let started = Gauge::<i64>::default();
        started.set(i64::try_from(app.now_ms() / 1000).unwrap_or(i64::MAX));
        registry.register(
            "portcullis_start_time_seconds",
            "When this process began to serve, in seconds since 1970",
            started,
        );
        let standing = Standing::default();
        standing.register(&mut registry);
        requests.register(&mut registry);
        listener.register(&mut registry);
        app.meters().register(&mut registry);
        Self {
            app,
            standing,
            registry,
        }
    }

    /// All of it, as OpenMetrics has it.
    ///
    /// # Errors
    /// When the text cannot be made.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        self.standing.look_up(&self.app);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Standing {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_revision",
            "The revision of the newest change",
            self.revision.clone(),
        );
        registry.register(
            "portcullis_gateways",
            "Gateways, by state: connected, silent, lost",
            self.gateways.clone(),
        );
        registry.register(
            "portcullis_feed_polls_open",
            "Questions of gateways that are open",
            self.polls.clone(),
        );
        registry.register(
            "portcullis_gateway_lag_max",
            "By how many revisions the connected gateway that is furthest behind is behind",
            self.lag.clone(),
        );
        registry.register(
            "portcullis_gateway_behind_seconds_max",
            "For how long there has been something that a connected gateway has not applied",
            self.behind_s.clone(),
        );
    }

    fn look_up(&self, app: &App) {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let standing = app.standing_of_gateways();
        self.revision.set(number(standing.head));
        self.polls.set(number(standing.polls));
        self.lag.set(number(standing.lag));
        self.behind_s.set(number(standing.behind_ms / 1000));
        for (state, count) in GatewayState::ALL.into_iter().zip(standing.by_state) {
            let state = state.to_string();
            let gauge = self.gateways.get_or_create(&InState { state });
            gauge.set(number(count));
        }
    }
}

/// What the listener for those who watch answers.
pub fn router(metrics: Metrics, health: Health) -> Router {
    Router::new()
        .route("/metrics", get(answer))
        .with_state(Arc::new(metrics))
        .merge(health::routes(health))
}

async fn answer(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
