//! What gateways say of themselves between questions.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use portcullis_store::TokenName;

use super::Door;
use crate::problem::{Kind, Problem};

/// Notes what all workers of a gateway have applied.
pub async fn report(
    State(door): State<Door>,
    Extension(token): Extension<TokenName>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    door.app
        .note_report(&token, &body)
        .map_err(|invalid| Problem::new(Kind::MalformedRequest, invalid.to_string()))?;
    Ok(StatusCode::NO_CONTENT)
}
