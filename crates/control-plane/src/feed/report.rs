//! What gateways say of themselves, with each question and between questions.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use portcullis_feed::{Question, REPORT_HEADER};
use portcullis_store::TokenName;

use super::Door;
use crate::app::App;
use crate::problem::{Kind, Problem};

/// Notes that a gateway asks, for as long as its question is open: until it is answered, or the gateway goes away.
pub async fn noted(
    State(app): State<Arc<App>>,
    Extension(token): Extension<TokenName>,
    request: Request,
    next: Next,
) -> Response {
    let asked = Query::<Question>::try_from_uri(request.uri());
    let after = asked.map_or(0, |Query(question)| question.after);
    let report = request.headers().get(REPORT_HEADER);
    let question = app.note_question(&token, report.map(|report| report.as_bytes()), after);
    let answer = next.run(request).await;
    drop(question);
    answer
}

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
