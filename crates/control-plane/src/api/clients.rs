//! `/clients`: who calls APIs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portcullis_feed::{ClientId, Digest};
use portcullis_store::LastUse;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Edited, Listed, ReadRefusals, Removed, WriteRefusals};
use super::asked::{Asked, Changes, Named};
use super::listing::window;
use super::new::{KeyHeaders, New};
use super::query::ClientQuery;
use super::tag::{Preconditions, ReadHeaders, WriteHeaders};
use super::used::{TaggedUse, Used, Uses};
use crate::app::App;
use crate::app::client::ClientDraft;
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::Problem;

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub struct Client {
    /// Its public name.
    #[schema(value_type = String, example = "cl_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: ClientId,
    /// What people call it.
    #[schema(example = "Acme")]
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// A disabled client can call nothing.
    pub enabled: bool,
    /// Which logo it has, at `/clients/{id}/logo`: the SHA-256 of the picture, in hexadecimal digits. Null, when it has
    /// none.
    #[schema(value_type = Option<String>)]
    pub logo: Option<Digest>,
    /// When it was created.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

impl From<portcullis_store::Client> for Client {
    fn from(stored: portcullis_store::Client) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            description: stored.description,
            enabled: stored.enabled,
            logo: stored.logo,
            created_at: Moment::from_ms(stored.created_at_ms),
            updated_at: Moment::from_ms(stored.updated_at_ms),
        }
    }
}

impl Client {
    /// As readers get it.
    pub(super) fn seen(stored: &portcullis_store::Client) -> Self {
        Self::from(stored.clone())
    }
}

/// Adds a client
///
/// It can call nothing until it has an access profile.
#[utoipa::path(post, path = "/clients", operation_id = "create_client", tag = "clients",
    params(KeyHeaders),
    request_body = ClientDraft,
    responses((status = 201, description = "The client.", body = Edited<Client>), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    New { draft, asking }: New<ClientDraft>,
) -> Result<Answer, Problem> {
    let once = asking.once(|created| {
        let edited = Edited::of(created, Client::from).tagged();
        edited.created(&format!("clients/{}", edited.record.id))
    });
    Ok(app.create_client(&author, once, draft).await?)
}

/// Lists the clients
#[utoipa::path(get, path = "/clients", operation_id = "list_clients", tag = "clients",
    params(ClientQuery),
    responses((status = 200, description = "A page of the clients.", body = Listed<Used<Client>>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<ClientQuery>,
) -> Result<Json<Listed<Used<Client>>>, Problem> {
    let page = app.clients(&query.filter(), &window(&query)?).await?;
    let ids = page.items.iter().map(|client| client.id).collect();
    let uses = Uses::of(&app, &LastUse::Clients(ids)).await?;
    Ok(Json(Listed::of(page, &query, |client| {
        let id = client.id;
        uses.say(Client::from(client), &id)
    })))
}

/// Reads a client
#[utoipa::path(get, path = "/clients/{id}", operation_id = "read_client", tag = "clients",
    params(("id" = String, Path, description = "The identifier of the client."), ReadHeaders),
    responses((status = 200, description = "The client.", body = Used<Client>), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<ClientId>,
) -> Result<TaggedUse<Client>, Problem> {
    let client = app.client(id).await?.into();
    let uses = Uses::of(&app, &LastUse::Clients(vec![id])).await?;
    Ok(TaggedUse(uses.say(client, &id)))
}

/// Changes a client
///
/// A JSON merge patch: what is absent stays, `null` clears. Gateways hear of a changed name or status through the
/// access profiles of the client.
#[utoipa::path(patch, path = "/clients/{id}", operation_id = "change_client", tag = "clients",
    params(("id" = String, Path, description = "The identifier of the client."), WriteHeaders),
    request_body = ClientDraft,
    responses((status = 200, description = "The client.", body = Edited<Client>), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ClientId>,
    preconditions: Preconditions,
    Changes(patch): Changes,
) -> Result<Edited<Client>, Problem> {
    let condition = preconditions.of(Client::seen);
    let changed = app.change_client(&author, id, condition, patch).await?;
    Ok(Edited::of(changed, Client::from).tagged())
}

/// Removes a client
///
/// Its access profiles and their keys go with it.
#[utoipa::path(delete, path = "/clients/{id}", operation_id = "delete_client", tag = "clients",
    params(("id" = String, Path, description = "The identifier of the client."), WriteHeaders),
    responses((status = 200, description = "The client is gone.", body = Edited<Removed>), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ClientId>,
    preconditions: Preconditions,
) -> Result<Edited<Removed>, Problem> {
    let condition = preconditions.of(Client::seen);
    let deleted = app.delete_client(&author, id, condition).await?;
    Ok(Edited::of(deleted, Removed::from))
}
