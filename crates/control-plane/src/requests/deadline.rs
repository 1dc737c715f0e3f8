//! How long a request may take.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;

use crate::problem::{Kind, Problem};

/// Over routes that do not wait for anything by themselves: ends what takes too long, be it the body that does not come or
/// the answer. A body that is streamed may take longer, once it has begun.
pub async fn in_time(State(longest): State<Duration>, request: Request, next: Next) -> Response {
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
