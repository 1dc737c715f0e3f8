//! The door for operators: REST under `/api/v1`. Reads requests, asks the app, writes answers; no rule lives here.

pub mod access_profiles;
pub mod answer;
pub mod applied;
pub mod asked;
pub mod audit;
pub mod clients;
pub mod collections;
pub mod configuration;
mod csv;
pub mod explain;
pub mod feed_keys;
pub mod gateway_tokens;
pub mod gateways;
pub mod imports;
pub mod jwt;
pub mod keys;
pub mod listing;
pub mod logos;
pub mod new;
pub mod openapi;
pub mod operators;
pub mod parameters;
pub mod policies;
pub mod query;
mod quotas;
pub mod reference;
pub mod robot_tokens;
pub mod roles;
pub mod sessions;
pub mod tag;
pub mod usage;
pub mod used;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, import, logo};
use roles::{ByRole as _, open};

/// How many bytes a body may have: the longest lists that a draft may have fit into it.
const LARGEST_BODY_BYTES: usize = 1024 * 1024;

/// All paths, with their description. `of_records` is laid over those that change records, `of_others` over the rest, and
/// `of_known` over all that need to know who asks.
pub fn routes(
    of_records: impl FnOnce(OpenApiRouter<Arc<App>>) -> OpenApiRouter<Arc<App>>,
    of_others: impl FnOnce(OpenApiRouter<Arc<App>>) -> OpenApiRouter<Arc<App>>,
    of_known: impl FnOnce(OpenApiRouter<Arc<App>>) -> OpenApiRouter<Arc<App>>,
) -> OpenApiRouter<Arc<App>> {
    let known = of_records(records()).merge(of_others(others()));
    let v1 = of_known(known)
        .merge(OpenApiRouter::new().routes(open(routes!(sessions::log_in))))
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES));
    OpenApiRouter::with_openapi(openapi::frame()).nest("/api/v1", v1)
}

/// What gateways hear of, by the role that is needed.
fn records() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .viewer(routes!(clients::list))
        .editor(routes!(clients::create))
        .viewer(routes!(clients::read))
        .editor(routes!(clients::change, clients::delete))
        .merge(logos())
        .viewer(routes!(access_profiles::list))
        .editor(routes!(access_profiles::create))
        .viewer(routes!(access_profiles::read))
        .editor(routes!(access_profiles::change, access_profiles::delete))
        .editor(routes!(keys::refresh))
        .viewer(routes!(keys::list))
        .editor(routes!(keys::create))
        .viewer(routes!(keys::read))
        .editor(routes!(keys::change, keys::revoke))
        .viewer(routes!(collections::list))
        .editor(routes!(collections::create))
        .viewer(routes!(collections::read))
        .editor(routes!(collections::change, collections::delete))
        .merge(imports())
        .viewer(routes!(policies::list))
        .editor(routes!(policies::create))
        .viewer(routes!(policies::read))
        .editor(routes!(policies::change, policies::delete))
        .merge(configuration::applying())
}

/// Pictures, which may be less large than other bodies.
fn logos() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .viewer(routes!(logos::read))
        .editor(routes!(logos::put, logos::delete))
        .layer(DefaultBodyLimit::max(logo::LARGEST_BYTES))
}

/// Documents, which may be larger than other bodies.
fn imports() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .editor(routes!(imports::import))
        .editor(routes!(imports::replace))
        .layer(DefaultBodyLimit::max(import::LARGEST_BYTES))
}

/// What is between operators and the control plane, by the role that is needed.
fn others() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(configuration::looking())
        .merge(explain::paths())
        .viewer(routes!(feed_keys::list))
        .admin(routes!(feed_keys::create))
        .admin(routes!(feed_keys::delete))
        .viewer(routes!(gateway_tokens::list))
        .admin(routes!(gateway_tokens::create))
        .viewer(routes!(gateway_tokens::read))
        .admin(routes!(gateway_tokens::delete))
        .viewer(routes!(gateways::list))
        .viewer(routes!(gateways::read))
        .editor(routes!(gateways::forget))
        .admin(routes!(operators::list, operators::create))
        .admin(routes!(
            operators::read,
            operators::change,
            operators::delete
        ))
        .admin(routes!(operators::link))
        .admin(routes!(robot_tokens::list, robot_tokens::create))
        .admin(routes!(
            robot_tokens::read,
            robot_tokens::change,
            robot_tokens::delete
        ))
        .admin(routes!(audit::list))
        .admin(routes!(audit::export))
        .viewer(routes!(usage::series))
        .viewer(routes!(usage::export_series))
        .viewer(routes!(usage::totals))
        .viewer(routes!(usage::top))
        .viewer(routes!(usage::refusals))
        .viewer(routes!(usage::export_refusals))
        .viewer(routes!(usage::gateways))
        .viewer(routes!(quotas::notices))
        .viewer(routes!(quotas::of_profile))
        .viewer(routes!(sessions::read, sessions::log_out))
        .viewer(routes!(sessions::change_password))
        .viewer(routes!(sessions::list))
        .viewer(routes!(sessions::delete))
}
