//! `/access-profiles/{id}/keys`: the API keys of a profile, one by one and all at once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use portcullis_engine::api_key;
use portcullis_feed::ProfileId;
use portcullis_store::ApiKey;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Edited, ReadRefusals, Removed, WriteRefusals};
use super::asked::{Changes, Draft, DraftIfAny, Named, NamedKey};
use crate::app::App;
use crate::app::api_key::{ApiKeyDraft, IssuedKey, KeyDraft, KeyRefresh};
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::Problem;

/// An API key as it may be shown at any time: never the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Key {
    /// Its public id: the third part of the key, unless it was imported.
    #[schema(example = "k3x9m2p7q8r9")]
    pub id: String,
    /// When it was issued or imported.
    pub created_at: Moment,
    /// When it stops working. Never, when null.
    pub expires_at: Option<Moment>,
    /// Since when a newer key stands in its place. It works until it expires, and its callers are told so.
    pub deprecated_at: Option<Moment>,
    /// Whether it came from elsewhere.
    pub imported: bool,
}

/// All keys of a profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct Keys {
    /// Those that were not revoked, the newest first.
    pub items: Vec<Key>,
}

/// A new key.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewKey {
    /// Whose it is.
    #[schema(value_type = String)]
    pub profile_id: ProfileId,
    /// The whole key. Shown only now: the control plane keeps its digest. Null for an imported one.
    #[schema(example = "ptc_live_k3x9m2p7q8r9_…")]
    pub api_key: Option<String>,
    /// What is known of it later.
    pub key: Key,
}

impl From<ApiKey> for Key {
    fn from(stored: ApiKey) -> Self {
        Self {
            id: stored.id,
            created_at: Moment::from_ms(stored.created_at_ms),
            expires_at: stored.expires_at_ms.map(Moment::from_ms),
            deprecated_at: stored.deprecated_at_ms.map(Moment::from_ms),
            imported: stored.imported,
        }
    }
}

impl From<IssuedKey> for NewKey {
    fn from(issued: IssuedKey) -> Self {
        Self {
            profile_id: issued.record.profile_id,
            api_key: issued.key.as_ref().map(revealed),
            key: Key::from(issued.record),
        }
    }
}

/// Lists the API keys of an access profile
///
/// All that were not revoked, the newest first: those that have expired too.
#[utoipa::path(get, path = "/access-profiles/{id}/keys", operation_id = "list_access_profile_keys",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile.")),
    responses((status = 200, description = "The keys.", body = Keys), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Named(id): Named<ProfileId>,
) -> Result<Json<Keys>, Problem> {
    let keys = app.keys(id).await?;
    let items = keys.into_iter().map(Key::from).collect();
    Ok(Json(Keys { items }))
}

/// Gives an access profile a further API key
///
/// A new one, which the answer shows, only this once; or one from elsewhere. At most 20 keys of a profile work at the
/// same time. With the access method `jwt`, keys only name the profile in tokens and prove nothing.
#[utoipa::path(post, path = "/access-profiles/{id}/keys", operation_id = "create_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile.")),
    request_body = KeyDraft,
    responses((status = 201, description = "The key.", body = Edited<NewKey>), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ProfileId>,
    Draft(draft): Draft<KeyDraft>,
) -> Result<Response, Problem> {
    let issued = app.issue_key(&author, id, draft).await?;
    Ok(shown_once(Edited::of(issued, NewKey::from).created()))
}

/// Changes an API key of an access profile
///
/// A JSON merge patch: what is absent stays, `null` clears.
#[utoipa::path(patch, path = "/access-profiles/{id}/keys/{key_id}", operation_id = "change_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."),
        ("key_id" = String, Path, description = "The public id of the key.")),
    request_body = ApiKeyDraft,
    responses((status = 200, description = "The key.", body = Edited<Key>), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    NamedKey(id, key): NamedKey,
    Changes(patch): Changes,
) -> Result<Edited<Key>, Problem> {
    let changed = app.change_key(&author, id, &key, patch).await?;
    Ok(Edited::of(changed, Key::from))
}

/// Revokes an API key of an access profile
///
/// At once. The others stay.
#[utoipa::path(delete, path = "/access-profiles/{id}/keys/{key_id}", operation_id = "revoke_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."),
        ("key_id" = String, Path, description = "The public id of the key.")),
    responses((status = 200, description = "The key is revoked.", body = Edited<Removed>), ReadRefusals))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    By(author): By,
    NamedKey(id, key): NamedKey,
) -> Result<Edited<Removed>, Problem> {
    let revoked = app.revoke_key(&author, id, &key).await?;
    Ok(Edited::of(revoked, |()| Removed {}))
}

/// Refreshes the API key of an access profile
///
/// All of its keys are revoked at once, or go on for a chosen time. The answer shows the new one, only this once.
#[utoipa::path(post, path = "/access-profiles/{id}/key/refresh", operation_id = "refresh_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile.")),
    request_body = Option<KeyRefresh>,
    responses((status = 200, description = "The new key.", body = Edited<NewKey>), WriteRefusals))]
pub async fn refresh(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ProfileId>,
    DraftIfAny(draft): DraftIfAny<KeyRefresh>,
) -> Result<Response, Problem> {
    let refreshed = app.refresh_key(&author, id, draft).await?;
    Ok(shown_once(Edited::of(refreshed, NewKey::from)))
}

/// The whole key, for the one answer that shows it.
pub(super) fn revealed(key: &api_key::ApiKey) -> String {
    key.reveal().to_owned()
}

/// An answer that nobody on the way may keep.
pub(super) fn shown_once(answer: impl IntoResponse) -> Response {
    let kept_by_nobody = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (kept_by_nobody, answer).into_response()
}
