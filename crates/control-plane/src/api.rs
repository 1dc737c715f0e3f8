//! The door for operators: REST under `/api/v1`. Reads requests, asks the app, writes answers; no rule lives here.

pub mod access_profiles;
pub mod answer;
pub mod applied;
pub mod asked;
pub mod clients;
pub mod collections;
pub mod explain;
pub mod feed_keys;
pub mod gateway_tokens;
pub mod gateways;
pub mod jwt;
pub mod keys;
pub mod openapi;
pub mod policies;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// How many bytes a body may have.
const LARGEST_BODY_BYTES: usize = 256 * 1024;

/// All paths, with their description. `of_records` is laid over those that change records, `of_others` over the rest.
pub fn routes(
    of_records: impl FnOnce(OpenApiRouter<Arc<App>>) -> OpenApiRouter<Arc<App>>,
    of_others: impl FnOnce(OpenApiRouter<Arc<App>>) -> OpenApiRouter<Arc<App>>,
) -> OpenApiRouter<Arc<App>> {
    let v1 = of_records(records())
        .merge(of_others(others()))
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES));
    OpenApiRouter::with_openapi(openapi::frame()).nest("/api/v1", v1)
}

/// What gateways hear of.
fn records() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::read, clients::change, clients::delete))
        .routes(routes!(access_profiles::list, access_profiles::create))
        .routes(routes!(
            access_profiles::read,
            access_profiles::change,
            access_profiles::delete
        ))
        .routes(routes!(keys::refresh))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::change, keys::revoke))
        .routes(routes!(collections::list, collections::create))
        .routes(routes!(
            collections::read,
            collections::change,
            collections::delete
        ))
        .routes(routes!(policies::list, policies::create))
        .routes(routes!(policies::read, policies::change, policies::delete))
}

/// What is between operators and the control plane.
fn others() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(explain::paths())
        .routes(routes!(feed_keys::list, feed_keys::create))
        .routes(routes!(feed_keys::delete))
        .routes(routes!(gateway_tokens::list, gateway_tokens::create))
        .routes(routes!(gateway_tokens::read, gateway_tokens::delete))
        .routes(routes!(gateways::list))
        .routes(routes!(gateways::read, gateways::forget))
}
