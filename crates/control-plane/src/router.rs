//! All that the control plane answers to: a table of contents.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use portcullis_feed::{CHANGES_PATH, REPORT_PATH, UNKNOWN_KEY_PATH};
use tokio::sync::watch;

use crate::api::applied::{self, Waiting};
use crate::api::reference::Reference;
use crate::api::{parameters, tag};
use crate::app::App;
use crate::{api, bearer, console, feed, health, identity, problem, request_id};

/// Everything, over one app. Long polls end when `stopping` becomes true.
pub fn router(app: &Arc<App>, stopping: watch::Receiver<bool>) -> Router {
    let operators = from_fn_with_state(Arc::clone(app), identity::known_only);
    let gateways = from_fn_with_state(Arc::clone(app), bearer::gateways_only);
    let waiting = Waiting {
        app: Arc::clone(app),
        stopping: stopping.clone(),
    };
    let waited = from_fn_with_state(waiting, applied::waited);
    let document = api::openapi::document();
    let known = from_fn_with_state(document.parameters(), parameters::known_only);
    let (api, _) = api::routes(
        |records| records.route_layer(known.clone()).route_layer(waited),
        |others| {
            let refused = from_fn(applied::refused);
            others.route_layer(known.clone()).route_layer(refused)
        },
        |all| {
            all.route_layer(from_fn(tag::unmodified))
                .route_layer(operators)
        },
    )
    .split_for_parts();
    let reference = Reference::of(document.json());
    let text = document.text();
    let door = feed::Door {
        app: Arc::clone(app),
        stopping,
    };

    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(api)
        .route("/api/v1/openapi.json", get(|| api::openapi::answer(text)))
        .route("/api/v1/docs", get(move || async { reference }))
        .merge(console::routes())
        .with_state(Arc::clone(app))
        .merge(
            Router::new()
                .route(CHANGES_PATH, get(feed::changes))
                .route(REPORT_PATH, post(feed::report::report))
                .route(UNKNOWN_KEY_PATH, post(feed::unknown_key))
                .route_layer(gateways)
                .with_state(door),
        )
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn(logged))
        .layer(from_fn_with_state(Arc::clone(app), request_id::identified))
}

/// Writes down each request. The query is left out: it is not needed, and callers put secrets there by mistake.
async fn logged(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(%method, path, status, duration_ms, "answered");
    response
}
