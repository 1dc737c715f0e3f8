//! `/access-profiles`: what clients may use, from where, and how they prove themselves.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portcullis_feed::{ClientId, CollectionId, PolicyId, ProfileId};
use portcullis_store::AccessMethod as StoredMethod;
use portcullis_store::LastUse;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Edited, Listed, ReadRefusals, Removed, WriteRefusals};
use super::asked::{Asked, Changes, Named};
use super::jwt::Jwt;
use super::keys::{Key, revealed};
use super::listing::window;
use super::new::{KeyHeaders, New};
use super::query::ProfileQuery;
use super::tag::{Preconditions, ReadHeaders, Tag, WriteHeaders};
use super::used::{TaggedUse, Used, Uses};
use crate::app::App;
use crate::app::access_profile::{AccessMethod, AccessProfileDraft, AddressLists, ProfileWithKeys};
use crate::app::api_key::IssuedKey;
use crate::app::key_set::KeySetState;
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::Problem;

/// An access profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessProfile {
    /// Its public name.
    #[schema(value_type = String, example = "ap_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: ProfileId,
    /// Whose it is.
    #[schema(value_type = String, example = "cl_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub client_id: ClientId,
    /// What people call it.
    #[schema(example = "production")]
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// What it grants.
    #[schema(value_type = Vec<String>)]
    pub collections: Vec<CollectionId>,
    /// How much of it.
    #[schema(value_type = Option<String>)]
    pub policy_id: Option<PolicyId>,
    /// How its callers prove themselves.
    pub access_method: AccessMethod,
    /// What their tokens have to be like, with the access method `jwt`.
    pub jwt: Option<Jwt>,
    /// The API keys that work, the newest first. With the access method `jwt` they only name the profile in tokens.
    pub keys: Vec<Key>,
    /// From which addresses.
    pub addresses: AddressLists,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// When it stops working.
    pub expires_at: Option<Moment>,
    /// Whether calls that it does not grant are only noted, and pass.
    pub observe: bool,
    /// When it was created.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

/// An access profile with its first key.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedProfile {
    /// The profile.
    #[serde(flatten)]
    pub profile: AccessProfile,
    /// The whole key. Shown only now: the control plane keeps its digest. Null with the access method `jwt`.
    #[schema(example = "ptc_live_k3x9m2p7q8r9_…")]
    pub api_key: Option<String>,
}

impl From<ProfileWithKeys> for AccessProfile {
    fn from(found: ProfileWithKeys) -> Self {
        let ProfileWithKeys {
            profile,
            keys,
            key_set,
        } = found;
        let followed = profile.key_set();
        let key_set = followed.map(|source| KeySetState::of(source, key_set.as_ref()));
        Self {
            id: profile.id,
            client_id: profile.client_id,
            name: profile.name,
            description: profile.description,
            collections: profile.collections,
            policy_id: profile.policy_id,
            access_method: AccessMethod::from(&profile.access),
            jwt: match profile.access {
                StoredMethod::ApiKey => None,
                StoredMethod::Jwt(jwt) => Some(Jwt {
                    key_set,
                    ..Jwt::from(*jwt)
                }),
            },
            keys: keys.into_iter().map(Key::from).collect(),
            addresses: profile.addresses.into(),
            enabled: profile.enabled,
            expires_at: profile.expires_at_ms.map(Moment::from_ms),
            observe: profile.observe,
            created_at: Moment::from_ms(profile.created_at_ms),
            updated_at: Moment::from_ms(profile.updated_at_ms),
        }
    }
}

impl AccessProfile {
    /// As readers get it.
    pub(super) fn seen(found: &ProfileWithKeys) -> Self {
        Self::from(found.clone())
    }
}

/// Adds an access profile
///
/// With the access method `api_key`, the answer shows its first API key, only this once.
#[utoipa::path(post, path = "/access-profiles", operation_id = "create_access_profile", tag = "access profiles",
    params(KeyHeaders),
    request_body = AccessProfileDraft,
    responses((status = 201, description = "The profile with its key.", body = Edited<CreatedProfile>), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    New { draft, asking }: New<AccessProfileDraft>,
) -> Result<Answer, Problem> {
    let once = asking.once(|created| {
        let edited = Edited::of(created, |(profile, issued): (_, Option<IssuedKey>)| {
            CreatedProfile {
                api_key: issued.and_then(|issued| issued.key.as_ref().map(revealed)),
                profile: AccessProfile::from(profile),
            }
        });
        let edited = edited.tagged_as(|created| Tag::of(&created.profile));
        let location = format!("access-profiles/{}", edited.record.profile.id);
        edited.created(&location).shown_once()
    });
    Ok(app.create_profile(&author, once, draft, None).await?)
}

/// Lists the access profiles
#[utoipa::path(get, path = "/access-profiles", operation_id = "list_access_profiles", tag = "access profiles",
    params(ProfileQuery),
    responses((status = 200, description = "A page of the profiles.", body = Listed<Used<AccessProfile>>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<ProfileQuery>,
) -> Result<Json<Listed<Used<AccessProfile>>>, Problem> {
    let page = app.profiles(&query.filter(), &window(&query)?).await?;
    let ids = page.items.iter().map(|found| found.profile.id).collect();
    let uses = Uses::of(&app, &LastUse::Profiles(ids)).await?;
    Ok(Json(Listed::of(page, &query, |found| {
        let id = found.profile.id;
        uses.say(AccessProfile::from(found), &id)
    })))
}

/// Reads an access profile
#[utoipa::path(get, path = "/access-profiles/{id}", operation_id = "read_access_profile", tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."), ReadHeaders),
    responses((status = 200, description = "The profile.", body = Used<AccessProfile>), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<ProfileId>,
) -> Result<TaggedUse<AccessProfile>, Problem> {
    let profile = app.profile(id).await?.into();
    let uses = Uses::of(&app, &LastUse::Profiles(vec![id])).await?;
    Ok(TaggedUse(uses.say(profile, &id)))
}

/// Changes an access profile
///
/// A JSON merge patch: what is absent stays, `null` clears. A list replaces the whole list, and so do
/// `required_claims`. The API keys stay, and the keys of tokens too unless others are given.
#[utoipa::path(patch, path = "/access-profiles/{id}", operation_id = "change_access_profile", tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."), WriteHeaders),
    request_body = AccessProfileDraft,
    responses((status = 200, description = "The profile.", body = Edited<AccessProfile>), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ProfileId>,
    preconditions: Preconditions,
    Changes(patch): Changes,
) -> Result<Edited<AccessProfile>, Problem> {
    let condition = preconditions.of(AccessProfile::seen);
    let changed = app
        .change_profile(&author, id, condition, patch, None)
        .await?;
    Ok(Edited::of(changed, AccessProfile::from).tagged())
}

/// Removes an access profile
///
/// Its keys go with it.
#[utoipa::path(delete, path = "/access-profiles/{id}", operation_id = "delete_access_profile", tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the profile."), WriteHeaders),
    responses((status = 200, description = "The profile is gone.", body = Edited<Removed>), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ProfileId>,
    preconditions: Preconditions,
) -> Result<Edited<Removed>, Problem> {
    let condition = preconditions.of(AccessProfile::seen);
    let deleted = app.delete_profile(&author, id, condition).await?;
    Ok(Edited::of(deleted, Removed::from))
}
