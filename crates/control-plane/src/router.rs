//! All that the control plane answers to: a table of contents.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use portcullis_feed::{CHANGES_PATH, REPORT_PATH, UNKNOWN_KEY_PATH, USAGE_PATH};
use tokio::sync::watch;

use crate::api::applied::{self, Waiting};
use crate::api::parameters::{self, Parameters};
use crate::api::reference::Reference;
use crate::api::tag;
use crate::app::App;
use crate::health::Health;
use crate::listener::Limits;
use crate::requests::Watch;
use crate::settings::ToldSetting;
use crate::{api, bearer, console, feed, health, identity, problem, request_id, requests};

/// What the interface is, the same for each router of this process: made once, when it is first asked for.
static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let document = api::openapi::document();
    Description {
        parameters: document.parameters(),
        reference: Reference::of(document.json()),
        text: document.text(),
    }
});

struct Description {
    parameters: Arc<Parameters>,
    reference: Reference,
    text: String,
}

/// On which terms requests are answered.
pub struct Terms {
    /// Who watches them.
    pub watch: Watch,
    /// How long those may take that do not wait for something by themselves.
    pub longest_request: Duration,
    /// What the control plane was started with, as operators may see it.
    pub settings: Vec<ToldSetting>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            watch: Watch::default(),
            longest_request: Limits::default().request,
            settings: Vec::new(),
        }
    }
}

/// Everything, over one app. Long polls end when `stopping` becomes true.
pub fn router(app: &Arc<App>, stopping: watch::Receiver<bool>, terms: Terms) -> Router {
    let in_time = from_fn_with_state(terms.longest_request, requests::in_time);
    let by_size = from_fn_with_state(terms.longest_request, requests::in_time_by_size);
    let operators = from_fn_with_state(Arc::clone(app), identity::known_only);
    let gateways = from_fn_with_state(Arc::clone(app), bearer::gateways_only);
    let waiting = Waiting {
        app: Arc::clone(app),
        stopping: stopping.clone(),
    };
    let waited = from_fn_with_state(waiting, applied::waited);
    let description = &*DESCRIPTION;
    let known = from_fn_with_state(Arc::clone(&description.parameters), parameters::known_only);
    let (api, _) = api::routes(
        // Inside: waiting for the gateways has a time of its own.
        |records| {
            let records = records.route_layer(by_size.clone());
            records.route_layer(known.clone()).route_layer(waited)
        },
        |others| {
            let others = others.route_layer(by_size.clone());
            let refused = from_fn(applied::refused);
            others.route_layer(known.clone()).route_layer(refused)
        },
        |all| {
            all.route_layer(from_fn(tag::unmodified))
                .route_layer(operators)
        },
    )
    .split_for_parts();
    let Description {
        reference, text, ..
    } = description;
    let door = feed::Door {
        app: Arc::clone(app),
        stopping: stopping.clone(),
    };
    let health = Health {
        app: Arc::clone(app),
        stopping,
    };

    Router::new()
        .merge(api)
        .route(
            "/api/v1/openapi.json",
            get(move || api::openapi::answer(text)),
        )
        .route("/api/v1/docs", get(move || async move { reference }))
        .merge(console::routes(app, terms.settings).route_layer(in_time.clone()))
        .with_state(Arc::clone(app))
        .merge(health::routes(health))
        .merge(
            Router::new()
                .route(REPORT_PATH, post(feed::report::report))
                .route(UNKNOWN_KEY_PATH, post(feed::unknown_key))
                .route(
                    USAGE_PATH,
                    post(feed::usage::count).layer(DefaultBodyLimit::max(feed::usage::READ_BYTES)),
                )
                .route_layer(in_time)
                .route(CHANGES_PATH, get(feed::changes))
                .route_layer(gateways)
                .with_state(door),
        )
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn_with_state(terms.watch, requests::watched))
        .layer(from_fn_with_state(Arc::clone(app), request_id::identified))
}
