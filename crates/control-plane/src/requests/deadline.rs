//! How long a request may take.

use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;

use crate::problem::{Kind, Problem};

/// For how many bytes of a body a request has a second more, and for how many at most.
const BYTES_PER_SECOND: u64 = 256 * 1024;
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Over routes that do not wait for anything by themselves: ends what takes too long, be it the body that does not come or
/// the answer. An answer that is streamed may take longer, once it has begun.
pub async fn in_time(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    within(longest, request, next).await
}

/// The same for whoever is known: what is said to be large has more time, for itself and for what is done with it.
pub async fn in_time_by_size(
    State(longest): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    let bytes = request.body().size_hint().exact().unwrap_or(0);
    let more = Duration::from_secs(bytes.min(MOST_BYTES) / BYTES_PER_SECOND);
    within(longest.saturating_add(more), request, next).await
}

async fn within(longest: Duration, request: Request, next: Next) -> Response {
    timeout(longest, next.run(request))
        .await
        .unwrap_or_else(|_| {
            let seconds = longest.as_secs();
            let detail = format!(
                "it was not done within {seconds} seconds; look whether it was done before you repeat it"
            );
            Problem::new(Kind::TimedOut, detail).into_response()
        })
}
