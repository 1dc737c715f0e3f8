//! What gateways have counted.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use portcullis_feed::usage::LARGEST_BATCH_BYTES;

use super::Door;
use crate::app::usage::{InvalidBatch, NotCounted};
use crate::problem::{Kind, Problem};

/// How many bytes of a body are read: one more than a batch has at most.
pub const READ_BYTES: usize = LARGEST_BATCH_BYTES.saturating_add(1);

/// Counts a batch, once.
pub async fn count(
    State(door): State<Door>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => problem(InvalidBatch::TooLarge.into()),
        _ => Problem::new(Kind::MalformedRequest, "the body ended too early"),
    })?;
    door.app.count_usage(&body).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn problem(not_counted: NotCounted) -> Problem {
    let told = not_counted.to_string();
    match not_counted {
        NotCounted::Invalid(InvalidBatch::TooLarge) => Problem::new(Kind::BodyTooLarge, told),
        NotCounted::Invalid(InvalidBatch::Field { pointer, detail }) => {
            Problem::new(Kind::MalformedRequest, told).with_error(pointer, detail)
        }
        NotCounted::Busy | NotCounted::Unreachable => Problem::new(Kind::Unavailable, told),
    }
}
