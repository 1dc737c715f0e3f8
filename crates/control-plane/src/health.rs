//! Whether the process lives and can work: for those who watch over it. No token is needed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::app::App;

/// How long the database may take to answer. Those who ask have deadlines of their own, often of a second or more.
const PATIENCE: Duration = Duration::from_millis(800);

/// What is asked about.
#[derive(Clone)]
pub struct Health {
    /// It can work when its database answers.
    pub app: Arc<App>,
    /// Becomes true when the process is about to stop.
    pub stopping: watch::Receiver<bool>,
}

/// `/healthz` and `/readyz`.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(live))
        .route("/readyz", get(ready))
        .with_state(health)
}

/// The process answers.
async fn live() -> &'static str {
    "live\n"
}

/// The database answers too, and the process goes on for now. It serves from the moment when the form of its database is
/// the one that it needs, so there is nothing to ask about that.
async fn ready(State(health): State<Health>) -> (StatusCode, &'static str) {
    if *health.stopping.borrow() {
        return unready("the control plane is stopping\n");
    }
    match timeout(PATIENCE, health.app.is_ready()).await {
        Ok(true) => (StatusCode::OK, "ready\n"),
        Ok(false) => unready("the database does not answer\n"),
        Err(_) => unready("the database does not answer in time\n"),
    }
}

const fn unready(reason: &'static str) -> (StatusCode, &'static str) {
    (StatusCode::SERVICE_UNAVAILABLE, reason)
}
