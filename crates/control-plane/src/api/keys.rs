//! `/access-profiles/{id}/keys`: the API keys of a profile, one by one and all at once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portcullis_engine::api_key;
use portcullis_feed::ProfileId;
use portcullis_store::{ApiKey, LastUse};
use serde::Serialize;
use utoipa::ToSchema;

use super::access_profiles::AccessProfile;
use super::answer::{Answer, Edited, ReadRefusals, Removed, WriteRefusals};
use super::asked::{Changes, Named, NamedKey};
use super::new::{KeyHeaders, New, NewIfAny};
use super::tag::{Preconditions, ReadHeaders, Tag, WriteHeaders};
use super::used::{TaggedUse, Used, Uses};
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
    pub items: Vec<Used<Key>>,
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

impl Key {
    /// As readers get it.
    fn seen(stored: &ApiKey) -> Self {
        Self::from(stored.clone())
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
    let ids = keys.iter().map(|key| key.id.clone()).collect();
    let uses = Uses::of(&app, &LastUse::Keys(ids)).await?;
    let items = keys.into_iter().map(|key| {
        let id = key.id.clone();
        uses.say(Key::from(key), &id)
    });
    Ok(Json(Keys {
        items: items.collect(),
    }))
}

/// Gives an access profile a further API key
///
/// A new one, which the answer shows, only this once; or one from elsewhere. At most 20 keys of a profile work at the
/// same time. With the access method `jwt`, keys only name the profile in tokens and prove nothing.
#[utoipa::path(post, path = "/access-profiles/{id}/keys", operation_id = "create_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."), KeyHeaders),
    request_body = KeyDraft,
    responses((status = 201, description = "The key.", body = Edited<NewKey>), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ProfileId>,
    New { draft, asking }: New<KeyDraft>,
) -> Result<Answer, Problem> {
    let once = asking.once(move |issued| {
        let edited = Edited::of(issued, NewKey::from);
        let edited = edited.tagged_as(|issued| Tag::of(&issued.key));
        let location = format!("access-profiles/{id}/keys/{}", edited.record.key.id);
        edited.created(&location).shown_once()
    });
    Ok(app.issue_key(&author, id, once, draft).await?)
}

/// Reads an API key of an access profile
///
/// What is known of it, never the key itself.
#[utoipa::path(get, path = "/access-profiles/{id}/keys/{key_id}", operation_id = "read_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."),
        ("key_id" = String, Path, description = "The public id of the key."), ReadHeaders),
    responses((status = 200, description = "The key.", body = Used<Key>), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    NamedKey(id, key): NamedKey,
) -> Result<TaggedUse<Key>, Problem> {
    let found = app.key(id, &key).await?.into();
    let uses = Uses::of(&app, &LastUse::Keys(vec![key.clone()])).await?;
    Ok(TaggedUse(uses.say(found, &key)))
}

/// Changes an API key of an access profile
///
/// A JSON merge patch: what is absent stays, `null` clears.
#[utoipa::path(patch, path = "/access-profiles/{id}/keys/{key_id}", operation_id = "change_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."),
        ("key_id" = String, Path, description = "The public id of the key."), WriteHeaders),
    request_body = ApiKeyDraft,
    responses((status = 200, description = "The key.", body = Edited<Key>), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    NamedKey(id, key): NamedKey,
    preconditions: Preconditions,
    Changes(patch): Changes,
) -> Result<Edited<Key>, Problem> {
    let condition = preconditions.of(Key::seen);
    let changed = app.change_key(&author, id, &key, condition, patch).await?;
    Ok(Edited::of(changed, Key::from).tagged())
}

/// Revokes an API key of an access profile
///
/// At once. The others stay.
#[utoipa::path(delete, path = "/access-profiles/{id}/keys/{key_id}", operation_id = "revoke_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."),
        ("key_id" = String, Path, description = "The public id of the key."), WriteHeaders),
    responses((status = 200, description = "The key is revoked.", body = Edited<Removed>), WriteRefusals))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    By(author): By,
    NamedKey(id, key): NamedKey,
    preconditions: Preconditions,
) -> Result<Edited<Removed>, Problem> {
    let condition = preconditions.of(Key::seen);
    let revoked = app.revoke_key(&author, id, &key, condition).await?;
    Ok(Edited::of(revoked, Removed::from))
}

/// Refreshes the API key of an access profile
///
/// All of its keys are revoked at once, or go on for a chosen time. The answer shows the new one, only this once.
/// `If-Match` is about the access profile.
#[utoipa::path(post, path = "/access-profiles/{id}/key/refresh", operation_id = "refresh_access_profile_key",
    tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."), KeyHeaders, WriteHeaders),
    request_body = Option<KeyRefresh>,
    responses((status = 200, description = "The new key.", body = Edited<NewKey>), WriteRefusals))]
pub async fn refresh(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ProfileId>,
    preconditions: Preconditions,
    NewIfAny { draft, asking }: NewIfAny<KeyRefresh>,
) -> Result<Answer, Problem> {
    let condition = preconditions.of(AccessProfile::seen);
    let once = asking.once(|issued| Edited::of(issued, NewKey::from).answered().shown_once());
    Ok(app.refresh_key(&author, id, condition, once, draft).await?)
}

/// The whole key, for the one answer that shows it.
pub(super) fn revealed(key: &api_key::ApiKey) -> String {
    key.reveal().to_owned()
}
