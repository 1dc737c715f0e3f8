//! What is known of each request besides its answer: a name by which it can be found again, who asked, its line in the log,
//! and what is counted. Never its query, its headers or its body: callers put secrets there, sometimes by mistake.

mod asker;
mod deadline;
mod meters;

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument as _, Level, Span, field};

pub use asker::Asker;
pub use deadline::{in_time, in_time_by_size};
pub use meters::RequestMeters;

use crate::request_id::RequestId;
use crate::traces;

/// The status by which a request is counted whose caller went away before the answer. It is never sent.
const ABANDONED: u16 = 499;

/// What watches requests.
#[derive(Clone, Default)]
pub struct Watch {
    meters: RequestMeters,
}

/// A request that is being answered. When this is dropped it is over, whatever came of it.
struct Watched {
    watch: Watch,
    id: String,
    asker: Asker,
    span: Span,
    began: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    status: u16,
}

impl Watch {
    /// Counts there.
    #[must_use]
    pub const fn new(meters: RequestMeters) -> Self {
        Self { meters }
    }
}

/// Over all routes: tells of each request when it is answered. Its id is known by then.
pub async fn watched(State(watch): State<Watch>, mut request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>();
    let id = id.map(|RequestId(id)| id.clone()).unwrap_or_default();
    let asker = Asker::default();
    let method = name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!(
        "request",
        request_id = id,
        otel.kind = "server",
        otel.name = %format_args!("{method} {}", route_name(route.as_ref())),
        otel.status_code = field::Empty,
        http.request.method = method,
        http.route = route_name(route.as_ref()),
        http.response.status_code = field::Empty,
        author = field::Empty,
    );
    traces::follow(request.headers(), &span);
    request.extensions_mut().insert(asker.clone());
    watch.meters.open.inc();
    let mut watched = Watched {
        watch,
        id,
        asker,
        span,
        began: Instant::now(),
        method,
        route,
        status: ABANDONED,
    };
    let answering = next.run(request).instrument(watched.span.clone());
    let response = answering.await;
    watched.status = response.status().as_u16();
    response
}

impl Drop for Watched {
    fn drop(&mut self) {
        let duration = self.began.elapsed();
        let route = route_name(self.route.as_ref());
        let meters = &self.watch.meters;
        meters.open.dec();
        meters.count(self.method, route, self.status, duration);
        let author = self.asker.name();
        self.span
            .record("http.response.status_code", i64::from(self.status))
            .record("author", author);
        if self.status >= StatusCode::INTERNAL_SERVER_ERROR.as_u16() {
            self.span.record("otel.status_code", "ERROR");
        }
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let (method, status) = (self.method, self.status);
        let request_id = self.id.as_str();
        // The level has to stand in the code of each.
        macro_rules! told {
            ($level:expr) => {
                tracing::event!(
                    parent: None, $level, method, route, status, duration_ms, request_id, author, "answered"
                )
            };
        }
        if is_of_interest(method, route, status) {
            told!(Level::INFO);
        } else {
            told!(Level::DEBUG);
        }
    }
}

/// Whether somebody who does not look for anything in particular wants to know of it: what changes records, and what went
/// wrong here.
fn is_of_interest(method: &str, route: &str, status: u16) -> bool {
    let is_change = !matches!(method, "GET" | "HEAD" | "OPTIONS") && route.starts_with("/api/");
    is_change || status >= StatusCode::INTERNAL_SERVER_ERROR.as_u16()
}

/// The template of its path, such as `/api/v1/clients/{id}`: paths themselves are without number.
fn route_name(route: Option<&MatchedPath>) -> &str {
    route.map_or("unmatched", MatchedPath::as_str)
}

/// Its method: those that nobody has heard of share one name.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "unknown",
    }
}
