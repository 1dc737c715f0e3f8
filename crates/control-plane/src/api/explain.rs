//! `/explain`: what a gateway would decide, and why.

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::WriteRefusals;
use super::asked::{Draft, LargeDraft};
use super::configuration::{LARGEST_CONFIGURATION_BYTES, secrets_key};
use super::roles::ByRole as _;
use crate::app::App;
use crate::app::explanation::{BatchDraft, Explanation, ExplanationDraft, Explanations};
use crate::identity::By;
use crate::problem::Problem;

/// The paths. Whoever may read the records may ask.
pub fn paths() -> OpenApiRouter<Arc<App>> {
    let batch = OpenApiRouter::new()
        .viewer(routes!(explain_batch))
        .layer(DefaultBodyLimit::max(LARGEST_CONFIGURATION_BYTES));
    OpenApiRouter::new().viewer(routes!(explain)).merge(batch)
}

/// Explains what a gateway decides about a request
///
/// By the gateway's own engine, on the records that gateways are told. Nothing is changed, counted or written down.
#[utoipa::path(post, path = "/explain", operation_id = "explain", tag = "explain",
    request_body = ExplanationDraft,
    responses((status = 200, description = "The decision, and each check.", body = Explanation), WriteRefusals))]
pub async fn explain(
    State(app): State<Arc<App>>,
    Draft(draft): Draft<ExplanationDraft>,
) -> Result<Json<Explanation>, Problem> {
    Ok(Json(app.explain(draft).await?))
}

/// Explains what a gateway decides about several requests
///
/// All on the records of one moment, as they are or as a configuration would make them: nothing of it is applied. Tells
/// too which access profiles and collections none of the requests came to.
#[utoipa::path(post, path = "/explain/batch", operation_id = "explain_batch", tag = "explain",
    params(("portcullis-secrets-key" = Option<String>, Header, description = "The key that secrets in the configuration are sealed under.")),
    request_body = BatchDraft,
    responses((status = 200, description = "The decisions, and each check.", body = Explanations), WriteRefusals))]
pub async fn explain_batch(
    State(app): State<Arc<App>>,
    By(author): By,
    headers: HeaderMap,
    LargeDraft(draft): LargeDraft<BatchDraft>,
) -> Result<Json<Explanations>, Problem> {
    let key = secrets_key(&app, &headers)?;
    Ok(Json(app.explain_all(&author, draft, key).await?))
}
