//! `/collections`: named, versioned groups of endpoints, which are what profiles grant.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portcullis_feed::CollectionId;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Edited, Listed, ReadRefusals, Removed, WriteRefusals};
use super::asked::{Asked, CascadeQuery, Changes, Named};
use super::listing::window;
use super::new::{KeyHeaders, New};
use super::query::CollectionQuery;
use super::tag::{Preconditions, ReadHeaders, Tagged, WriteHeaders};
use crate::app::App;
use crate::app::collection::{CollectionDraft, EndpointDraft};
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::Problem;

/// A collection.
#[derive(Debug, Serialize, ToSchema)]
pub struct Collection {
    /// Its public name.
    #[schema(value_type = String, example = "co_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: CollectionId,
    /// What people call it; services receive it.
    #[schema(example = "orders")]
    pub name: String,
    /// Which version of the API.
    #[schema(example = "v1")]
    pub version: String,
    /// More about it.
    pub description: Option<String>,
    /// What it consists of.
    pub endpoints: Vec<EndpointDraft>,
    /// Whether anybody may call it, without a credential.
    pub public: bool,
    /// Whether paths pass that some services read in another way than Envoy does.
    pub allows_dubious_paths: bool,
    /// When it was created.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

impl From<portcullis_store::Collection> for Collection {
    fn from(stored: portcullis_store::Collection) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            version: stored.version,
            description: stored.description,
            endpoints: stored
                .endpoints
                .into_iter()
                .map(EndpointDraft::from)
                .collect(),
            public: stored.public,
            allows_dubious_paths: stored.allows_dubious_paths,
            created_at: Moment::from_ms(stored.created_at_ms),
            updated_at: Moment::from_ms(stored.updated_at_ms),
        }
    }
}

impl Collection {
    /// As readers get it.
    pub(super) fn seen(stored: &portcullis_store::Collection) -> Self {
        Self::from(stored.clone())
    }
}

/// Adds a collection
///
/// Refused when its name and version are taken, or when another collection claims one of its endpoints.
#[utoipa::path(post, path = "/collections", operation_id = "create_collection", tag = "collections",
    params(KeyHeaders),
    request_body = CollectionDraft,
    responses((status = 201, description = "The collection.", body = Edited<Collection>), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    New { draft, asking }: New<CollectionDraft>,
) -> Result<Answer, Problem> {
    let once = asking.once(|created| {
        let edited = Edited::of(created, Collection::from).tagged();
        edited.created(&format!("collections/{}", edited.record.id))
    });
    Ok(app.create_collection(&author, once, draft).await?)
}

/// Lists the collections
#[utoipa::path(get, path = "/collections", operation_id = "list_collections", tag = "collections",
    params(CollectionQuery),
    responses((status = 200, description = "A page of the collections.", body = Listed<Collection>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<CollectionQuery>,
) -> Result<Json<Listed<Collection>>, Problem> {
    let page = app.collections(&query.filter(), &window(&query)?).await?;
    Ok(Json(Listed::of(page, &query, Collection::from)))
}

/// Reads a collection
#[utoipa::path(get, path = "/collections/{id}", operation_id = "read_collection", tag = "collections",
    params(("id" = String, Path, description = "The identifier of the collection."), ReadHeaders),
    responses((status = 200, description = "The collection.", body = Collection), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<CollectionId>,
) -> Result<Tagged<Collection>, Problem> {
    Ok(Tagged(app.collection(id).await?.into()))
}

/// Changes a collection
///
/// A JSON merge patch: what is absent stays, `null` clears. A list of endpoints replaces the whole list.
#[utoipa::path(patch, path = "/collections/{id}", operation_id = "change_collection", tag = "collections",
    params(("id" = String, Path, description = "The identifier of the collection."), WriteHeaders),
    request_body = CollectionDraft,
    responses((status = 200, description = "The collection.", body = Edited<Collection>), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<CollectionId>,
    preconditions: Preconditions,
    Changes(patch): Changes,
) -> Result<Edited<Collection>, Problem> {
    let condition = preconditions.of(Collection::seen);
    let changed = app.change_collection(&author, id, condition, patch).await?;
    Ok(Edited::of(changed, Collection::from).tagged())
}

/// Removes a collection
///
/// Refused while access profiles grant it, unless it is asked to `cascade`: then it is taken out of them in the same
/// edit, and profiles that would grant nothing any more go with it, as do their keys.
#[utoipa::path(delete, path = "/collections/{id}", operation_id = "delete_collection", tag = "collections",
    params(("id" = String, Path, description = "The identifier of the collection."), CascadeQuery, WriteHeaders),
    responses((status = 200, description = "The collection is gone.", body = Edited<Removed>), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<CollectionId>,
    Asked(query): Asked<CascadeQuery>,
    preconditions: Preconditions,
) -> Result<Edited<Removed>, Problem> {
    let condition = preconditions.of(Collection::seen);
    let cascade = query.cascade.unwrap_or(false);
    let deleted = app
        .delete_collection(&author, id, condition, cascade)
        .await?;
    Ok(Edited::of(deleted, Removed::from))
}
