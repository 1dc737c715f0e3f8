//! `/explain`: what a gateway would decide, and why.

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::ReadRefusals;
use super::asked::Draft;
use super::roles::ByRole as _;
use crate::app::App;
use crate::app::explanation::{BatchDraft, Explanation, ExplanationDraft, Explanations};
use crate::problem::Problem;

/// How many bytes many requests may have.
const LARGEST_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// The paths. Whoever may read the records may ask.
pub fn paths() -> OpenApiRouter<Arc<App>> {
    let batch = OpenApiRouter::new()
        .viewer(routes!(explain_batch))
        .layer(DefaultBodyLimit::max(LARGEST_BATCH_BYTES));
    OpenApiRouter::new().viewer(routes!(explain)).merge(batch)
}

/// Explains what a gateway decides about a request
///
/// By the gateway's own engine, on the records that gateways are told. Nothing is changed, counted or written down.
#[utoipa::path(post, path = "/explain", operation_id = "explain", tag = "explain",
    request_body = ExplanationDraft,
    responses((status = 200, description = "The decision, and each check.", body = Explanation), ReadRefusals))]
pub async fn explain(
    State(app): State<Arc<App>>,
    Draft(draft): Draft<ExplanationDraft>,
) -> Result<Json<Explanation>, Problem> {
    Ok(Json(app.explain(draft).await?))
}

/// Explains what a gateway decides about several requests
///
/// All on the records of one moment. Tells too which access profiles and collections none of them came to.
#[utoipa::path(post, path = "/explain/batch", operation_id = "explain_batch", tag = "explain",
    request_body = BatchDraft,
    responses((status = 200, description = "The decisions, and each check.", body = Explanations), ReadRefusals))]
pub async fn explain_batch(
    State(app): State<Arc<App>>,
    Draft(draft): Draft<BatchDraft>,
) -> Result<Json<Explanations>, Problem> {
    Ok(Json(app.explain_all(draft).await?))
}
