//! The door for browsers: pages made on the server, which work without scripts. Reads forms, asks the app, shows pages; no
//! rule lives here.

mod account;
mod asked;
mod asset;
mod audit;
mod clients;
mod collections;
mod condition;
mod design;
mod entered;
mod explain;
mod forms;
mod frame;
mod gateways;
mod grants;
mod known;
mod logo;
mod moment;
mod notice;
mod once;
mod operators;
mod overview;
mod pages;
mod period;
mod policies;
mod profiles;
mod reason;
mod refusals;
mod refused;
mod registered;
mod robots;
mod search;
mod settings;
mod settled;
mod single_sign_on;
mod theme;
mod token;
mod usage;
mod views;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use portcullis_store::Role;

use crate::app::App;
use crate::app::single_sign_on::ANSWER_PATH;
use crate::settings::ToldSetting;
use registered::Pages;

pub use registered::Page;

/// How many bytes a form may have that nobody is known to send.
const LARGEST_FORM_BYTES: usize = 16 * 1024;

/// How many bytes a form of an operator may have: long lists of addresses, and a picture.
const LARGEST_KNOWN_FORM_BYTES: usize = 1024 * 1024;

/// What pages may load and do: what the control plane itself serves, pictures that the operator has just chosen, and their
/// own forms. Nothing that stands in a page is a script or a style.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What browsers are told with every page.
const TERMS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: browsers would keep silent about the origin of our own forms, too.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// All pages. What is `known` is for those who are logged in; admins see what the control plane was started with.
pub fn routes(app: &Arc<App>, told: Vec<ToldSetting>) -> Router<Arc<App>> {
    let known = from_fn_with_state(Arc::clone(app), known::known_only);
    let pages = known_pages()
        .into_router()
        .layer(DefaultBodyLimit::max(LARGEST_KNOWN_FORM_BYTES))
        .layer(Extension(Arc::<[ToldSetting]>::from(told)))
        .route_layer(known);
    Router::new()
        .route("/console/log-in", get(pages::log_in).post(forms::log_in))
        .route("/console/link", get(pages::link).post(forms::link))
        .route("/console/log-out", post(forms::log_out))
        .route("/console/single-sign-on", get(single_sign_on::begin))
        .route(ANSWER_PATH, get(single_sign_on::end))
        .merge(asset::routes())
        .layer(DefaultBodyLimit::max(LARGEST_FORM_BYTES))
        .merge(pages)
        .route_layer(from_fn(on_terms))
}

/// The pages and forms of those who are logged in, by the role that each needs.
#[must_use]
pub fn table() -> Vec<Page> {
    known_pages().into_table()
}

fn known_pages() -> Pages {
    Pages::default()
        .shows(Role::Viewer, "/console", overview::show)
        .does(Role::Viewer, "/console/theme", theme::choose)
        .with(clients::pages)
        .with(profiles::pages)
        .with(collections::pages)
        .with(policies::pages)
        .with(refusals::pages)
        .with(explain::pages)
        .with(gateways::pages)
        .with(audit::pages)
        .with(operators::pages)
        .with(robots::pages)
        .with(account::pages)
        .with(settings::pages)
        .shows(Role::Viewer, "/console/in-sync", frame::in_sync)
        .shows(
            Role::Viewer,
            "/console/applied/{revision}",
            settled::applied,
        )
        .shows(Role::Viewer, "/console/{*rest}", pages::nothing)
}

/// What a page says of itself goes before what is said of all.
async fn on_terms(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in TERMS {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
