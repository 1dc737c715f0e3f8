//! `/collections/import` and `/collections/{id}/endpoints`: collections from the descriptions of APIs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use portcullis_feed::CollectionId;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Edited, WriteRefusals};
use super::asked::{Asked, Named, has_content_type, of_another_type};
use super::collections::Collection;
use super::new::{Asking, KeyHeaders, asked};
use super::query::{EndpointsQuery, ImportQuery};
use super::tag::{Preconditions, Tag, WriteHeaders};
use crate::app::App;
use crate::app::collection::EndpointDraft;
use crate::app::import::{self, Language, Servers};
use crate::identity::By;
use crate::problem::Problem;

/// In what documents are written, and which of them are JSON. OpenAPI's own types are not registered yet.
const JSON: [&str; 3] = [
    "application/json",
    "application/openapi+json",
    "application/vnd.oai.openapi+json",
];
const YAML: [&str; 5] = [
    "application/yaml",
    "application/openapi+yaml",
    "application/vnd.oai.openapi",
    "application/x-yaml",
    "text/yaml",
];

/// A document in the body.
pub struct Document {
    text: axum::body::Bytes,
    language: Language,
    asking: Asking,
}

/// A collection with the endpoints of a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// The collection.
    #[serde(flatten)]
    pub collection: Collection,
    /// How its endpoints differ from those that it had.
    pub difference: Difference,
}

/// What an import would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportPreview {
    /// What the collection would be called.
    #[schema(example = "orders")]
    pub name: String,
    /// Its version.
    #[schema(example = "v1")]
    pub version: String,
    /// More about it.
    pub description: Option<String>,
    /// How its endpoints would differ from those that it has.
    pub difference: Difference,
}

/// How endpoints differ from those before. They are the same as long as host, method and path are: the names of
/// parameters do not count.
#[derive(Debug, Serialize, ToSchema)]
pub struct Difference {
    /// That were not there.
    pub added: Vec<EndpointDraft>,
    /// That are not there any more.
    pub removed: Vec<EndpointDraft>,
    /// That were there and stay, enabled or disabled as they are.
    pub unchanged: Vec<EndpointDraft>,
}

impl From<import::Difference> for Difference {
    fn from(difference: import::Difference) -> Self {
        let told = |endpoints: Vec<portcullis_feed::Endpoint>| {
            endpoints.into_iter().map(EndpointDraft::from).collect()
        };
        Self {
            added: told(difference.added),
            removed: told(difference.removed),
            unchanged: told(difference.unchanged),
        }
    }
}

impl From<import::Imported> for Imported {
    fn from(imported: import::Imported) -> Self {
        Self {
            collection: imported.collection.into(),
            difference: imported.difference.into(),
        }
    }
}

impl From<import::Imported> for ImportPreview {
    fn from(imported: import::Imported) -> Self {
        Self {
            name: imported.collection.name,
            version: imported.collection.version,
            description: imported.collection.description,
            difference: imported.difference.into(),
        }
    }
}

impl FromRequest<Arc<App>> for Document {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let language = language(request.headers()).map_err(Problem::into_response)?;
        let (asking, text) = asked(request, app).await?;
        Ok(Self {
            text,
            language,
            asking,
        })
    }
}

impl Document {
    fn read(self, servers: Option<Servers>) -> Result<(import::Outline, Asking), Problem> {
        let servers = servers.unwrap_or_default();
        let outline = import::read(&self.text, self.language, servers)?;
        Ok((outline, self.asking))
    }
}

fn language(headers: &HeaderMap) -> Result<Language, Problem> {
    if has_content_type(headers, &JSON) {
        return Ok(Language::Json);
    }
    if has_content_type(headers, &YAML) {
        return Ok(Language::Yaml);
    }
    Err(of_another_type(&["application/json", "application/yaml"]))
}

/// Adds a collection from the description of an API
///
/// An OpenAPI document (3.0 or 3.1) of at most 4 MiB, in JSON or YAML: each method of each path becomes an endpoint, and
/// title and version become those of the collection. Refusals name the place in the document.
#[utoipa::path(post, path = "/collections/import", operation_id = "import_collection", tag = "collections",
    params(ImportQuery, KeyHeaders),
    request_body(content((serde_json::Value = "application/json"), (String = "application/yaml"))),
    responses((status = 201, description = "The collection.", body = Edited<Imported>),
        (status = 200, description = "What would be added.", body = ImportPreview), WriteRefusals))]
pub async fn import(
    State(app): State<Arc<App>>,
    By(author): By,
    Asked(query): Asked<ImportQuery>,
    document: Document,
) -> Result<Response, Problem> {
    let (outline, asking) = document.read(query.servers)?;
    let names = [query.name, query.version];
    if query.preview.unwrap_or(false) {
        let preview = app.preview_import(&author, outline, names).await?;
        return Ok(Json(ImportPreview::from(preview)).into_response());
    }
    let once = asking.once(|imported| {
        let edited = Edited::of(imported, Imported::from);
        let edited = edited.tagged_as(|imported| Tag::of(&imported.collection));
        let location = format!("collections/{}", edited.record.collection.id);
        edited.created(&location)
    });
    let answer = app.import_collection(&author, once, outline, names).await?;
    Ok(answer.into_response())
}

/// Gives a collection the endpoints that the description of an API has
///
/// In place of its own: an OpenAPI document as for a new collection. Its name, its version and its description stay.
#[utoipa::path(put, path = "/collections/{id}/endpoints", operation_id = "replace_collection_endpoints",
    tag = "collections",
    params(("id" = String, Path, description = "The identifier of the collection."), EndpointsQuery, WriteHeaders),
    request_body(content((serde_json::Value = "application/json"), (String = "application/yaml"))),
    responses((status = 200, description = "The collection; or what would be changed, when only that was asked.",
        body = inline(Replaced)), WriteRefusals))]
pub async fn replace(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<CollectionId>,
    Asked(query): Asked<EndpointsQuery>,
    preconditions: Preconditions,
    document: Document,
) -> Result<Response, Problem> {
    let (outline, _) = document.read(query.servers)?;
    let condition = preconditions.of(Collection::seen);
    if query.preview.unwrap_or(false) {
        let preview = app
            .preview_endpoints(&author, id, condition, outline)
            .await?;
        return Ok(Json(ImportPreview::from(preview)).into_response());
    }
    let replaced = app
        .replace_endpoints(&author, id, condition, outline)
        .await?;
    let edited = Edited::of(replaced, Imported::from);
    let edited = edited.tagged_as(|imported| Tag::of(&imported.collection));
    Ok(edited.into_response())
}

/// The answer to new endpoints.
#[derive(ToSchema)]
#[schema(as = ReplacedEndpoints)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is of use")]
enum Replaced {
    Done(Edited<Imported>),
    Preview(ImportPreview),
}
