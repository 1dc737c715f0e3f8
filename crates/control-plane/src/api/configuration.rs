//! `/configuration`: all records as one document, and documents that are planned and applied.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http_body_util::channel::{Channel, Sender};
use portcullis_store::{Role, SecretKey};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Edited, Notice, ReadRefusals, WriteRefusals};
use super::asked::LargeDraft;
use super::roles::ByRole as _;
use crate::app::configuration::ConfigurationDraft;
use crate::app::configuration::document::Configuration;
use crate::app::configuration::export::Export;
use crate::app::configuration::plan::Plan;
use crate::app::role::Identity;
use crate::app::{App, Refusal};
use crate::identity::By;
use crate::problem::{Kind, Problem};
use crate::secret_key::ChosenSecretKey;

/// How many bytes a configuration may have.
pub(super) const LARGEST_CONFIGURATION_BYTES: usize = 256 * 1024 * 1024;

/// How many pieces of an export wait for whoever reads it.
const PIECES_AHEAD: usize = 2;

/// How long an export waits for its reader: it holds on to a state of the database.
const PATIENCE: Duration = Duration::from_secs(60);

/// The header with the key for secrets in documents: 64 hexadecimal digits.
pub const SECRETS_KEY_HEADER: HeaderName = HeaderName::from_static("portcullis-secrets-key");

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlannedConfiguration {
    /// What would become different.
    #[serde(flatten)]
    pub plan: Plan,
    /// What was understood in another way than it was written. Absent, when nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub notices: Vec<Notice>,
}

/// An export broke off.
#[derive(Debug, thiserror::Error)]
#[error("the records are out of reach")]
struct BrokenOff;

/// The path that changes records.
pub fn applying() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .editor(routes!(apply))
        .layer(DefaultBodyLimit::max(LARGEST_CONFIGURATION_BYTES))
}

/// The paths that do not.
pub fn looking() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .viewer(routes!(export))
        .viewer(routes!(plan))
        .layer(DefaultBodyLimit::max(LARGEST_CONFIGURATION_BYTES))
}

/// Exports all records
///
/// Clients with their access profiles and keys (by their digests), collections and policies, as they are at one moment.
/// Secrets of tokens are withheld, unless the header `portcullis-secrets-key` gives a key to seal them under, which needs the role `admin`.
#[utoipa::path(get, path = "/configuration", operation_id = "export_configuration", tag = "configuration",
    params(("portcullis-secrets-key" = Option<String>, Header, description = "A key for secrets: 64 hexadecimal digits.")),
    responses((status = 200, description = "The records.", body = Configuration), ReadRefusals))]
pub async fn export(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Whoever may read records may not read secrets, sealed under a key of their own choice.
    if headers.contains_key(SECRETS_KEY_HEADER) && identity.role < Role::Admin {
        let detail = "secrets are exported for the role `admin` only: leave the key away";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let export = app
        .export_configuration(secrets_key(&app, &headers)?)
        .await?;
    let (pieces, body) = Channel::<Bytes, BrokenOff>::new(PIECES_AHEAD);
    tokio::spawn(send(export, pieces));
    let kind = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((kind, Body::new(body)).into_response())
}

/// Plans a configuration
///
/// Tells what applying it would change, field by field, and what that takes away from callers. Nothing is changed.
#[utoipa::path(post, path = "/configuration/plan", operation_id = "plan_configuration", tag = "configuration",
    params(("portcullis-secrets-key" = Option<String>, Header, description = "The key that secrets in the documents are sealed under.")),
    request_body = ConfigurationDraft,
    responses((status = 200, description = "The plan.", body = PlannedConfiguration), WriteRefusals))]
pub async fn plan(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    LargeDraft(draft): LargeDraft<ConfigurationDraft>,
) -> Result<Json<PlannedConfiguration>, Problem> {
    let key = secrets_key(&app, &headers)?;
    let planned = app.plan_configuration(draft, key).await?;
    Ok(Json(PlannedConfiguration {
        plan: planned.plan,
        notices: planned.notices.into_iter().map(Notice::from).collect(),
    }))
}

/// Applies a configuration
///
/// All of it in one transaction, or nothing. With the `basis` of a plan it is refused when somebody else changed the same
/// since then.
#[utoipa::path(post, path = "/configuration/apply", operation_id = "apply_configuration", tag = "configuration",
    params(("portcullis-secrets-key" = Option<String>, Header, description = "The key that secrets in the documents are sealed under.")),
    request_body = ConfigurationDraft,
    responses((status = 200, description = "What became different.", body = Edited<Plan>), WriteRefusals))]
pub async fn apply(
    State(app): State<Arc<App>>,
    By(author): By,
    headers: HeaderMap,
    LargeDraft(draft): LargeDraft<ConfigurationDraft>,
) -> Result<Edited<Plan>, Problem> {
    let key = secrets_key(&app, &headers)?;
    let applied = app.apply_configuration(&author, draft, key).await?;
    Ok(Edited::of(applied, |plan| plan))
}

/// Sends an export as fast as it is read.
async fn send(mut export: Export, mut pieces: Sender<Bytes, BrokenOff>) {
    loop {
        let piece = match export.next().await {
            Ok(Some(piece)) => Bytes::from(piece),
            Ok(None) => return,
            Err(refusal) => {
                note(&refusal);
                // Whoever reads must not take what is there for all.
                return pieces.abort(BrokenOff);
            }
        };
        match tokio::time::timeout(PATIENCE, pieces.send_data(piece)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::warn!("nobody went on reading an export");
                return pieces.abort(BrokenOff);
            }
        }
    }
}

fn note(refusal: &Refusal) {
    let error: &dyn std::error::Error = refusal;
    tracing::error!(error, "an export broke off");
}

/// The key for secrets that the request gives. It is never repeated.
pub(super) fn secrets_key(app: &App, headers: &HeaderMap) -> Result<Option<SecretKey>, Problem> {
    let Some(text) = headers.get(&SECRETS_KEY_HEADER) else {
        return Ok(None);
    };
    let chosen = text.to_str().ok().map(ChosenSecretKey::try_from);
    let Some(Ok(chosen)) = chosen else {
        let detail = "`portcullis-secrets-key` is 64 hexadecimal digits";
        return Err(Problem::new(Kind::MalformedRequest, detail));
    };
    Ok(Some(app.key_for_secrets(&chosen)))
}
