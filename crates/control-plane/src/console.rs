//! The door for browsers: pages made on the server, which need no scripts. Setting up, logging in and out; no rule lives
//! here.

mod forms;
mod pages;
mod single_sign_on;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::App;
use crate::app::single_sign_on::ANSWER_PATH;

/// How many bytes a form may have.
const LARGEST_FORM_BYTES: usize = 16 * 1024;

/// What pages may load and do: their style sheet and their own forms, and no scripts at all.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

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

/// All pages.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/console", get(pages::home))
        .route("/console/log-in", get(pages::log_in).post(forms::log_in))
        .route("/console/link", get(pages::link).post(forms::link))
        .route("/console/log-out", post(forms::log_out))
        .route("/console/single-sign-on", get(single_sign_on::begin))
        .route(ANSWER_PATH, get(single_sign_on::end))
        .route("/console/style.css", get(style))
        .layer(DefaultBodyLimit::max(LARGEST_FORM_BYTES))
        .route_layer(from_fn(on_terms))
}

async fn on_terms(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in TERMS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn style() -> impl IntoResponse {
    let sheet = include_str!("console/style.css");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], sheet)
}
