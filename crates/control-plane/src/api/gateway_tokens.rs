//! `/gateway-tokens`: by what gateways come.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use portcullis_feed::GatewayTokenId;
use portcullis_store::TokenSource;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Listed, ReadRefusals, WriteRefusals};
use super::asked::{Asked, Named};
use super::listing::window;
use super::new::{KeyHeaders, New};
use super::query::GatewayTokenQuery;
use super::tag::{Preconditions, ReadHeaders, Tag, Tagged, WriteHeaders};
use crate::app::App;
use crate::app::gateway_token::{GatewayTokenDraft, NewGatewayToken};
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::Problem;

/// A token of gateways as it may be shown at any time: never the token itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct GatewayToken {
    /// Its public name.
    #[schema(value_type = String, example = "gt_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: GatewayTokenId,
    /// What people call it.
    #[schema(example = "Edge in Frankfurt")]
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// Where it came from.
    pub source: Source,
    /// When it was created.
    pub created_at: Moment,
    /// When it stops opening the feed. Never, when null.
    pub expires_at: Option<Moment>,
    /// When a gateway used it last, to within a few seconds. Null, when none has.
    pub last_used_at: Option<Moment>,
}

/// Where a token came from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The environment of the control plane gives it. It cannot be withdrawn here.
    Environment,
    /// The control plane made it when it started without one.
    Generated,
    /// It was made here.
    Made,
}

/// A new token of gateways.
#[derive(Serialize, ToSchema)]
pub struct ShownGatewayToken {
    /// What is known of it later.
    #[serde(flatten)]
    pub record: GatewayToken,
    /// The whole token. Shown only now: the control plane keeps its digest.
    #[schema(example = "ptg_…")]
    pub token: String,
}

impl From<portcullis_store::GatewayToken> for GatewayToken {
    fn from(stored: portcullis_store::GatewayToken) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            description: stored.description,
            source: match stored.source {
                TokenSource::Environment => Source::Environment,
                TokenSource::Generated => Source::Generated,
                TokenSource::Made => Source::Made,
            },
            created_at: Moment::from_ms(stored.created_at_ms),
            expires_at: stored.expires_at_ms.map(Moment::from_ms),
            last_used_at: stored.last_used_at_ms.map(Moment::from_ms),
        }
    }
}

impl GatewayToken {
    /// As readers get it.
    fn seen(stored: &portcullis_store::GatewayToken) -> Self {
        Self::from(stored.clone())
    }
}

/// Makes a token for gateways
///
/// The answer shows it, only this once. Any number of gateways may come by one token; with one for each, a single
/// gateway can be shut out.
#[utoipa::path(post, path = "/gateway-tokens", operation_id = "create_gateway_token", tag = "gateways",
    params(KeyHeaders),
    request_body = GatewayTokenDraft,
    responses((status = 201, description = "The token.", body = ShownGatewayToken), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    New { draft, asking }: New<GatewayTokenDraft>,
) -> Result<Answer, Problem> {
    let once = asking.once(|made| {
        let NewGatewayToken { token, record } = made.record;
        let record = GatewayToken::from(record);
        let location = format!("gateway-tokens/{}", record.id);
        let tag = Tag::of(&record);
        let answer = Answer::created(&location, &ShownGatewayToken { record, token });
        answer.with(header::ETAG, tag.as_str()).shown_once()
    });
    Ok(app.create_gateway_token(&author, once, draft).await?)
}

/// Lists the tokens of gateways
#[utoipa::path(get, path = "/gateway-tokens", operation_id = "list_gateway_tokens", tag = "gateways",
    params(GatewayTokenQuery),
    responses((status = 200, description = "A page of the tokens.", body = Listed<GatewayToken>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<GatewayTokenQuery>,
) -> Result<Json<Listed<GatewayToken>>, Problem> {
    let window = window(&query)?;
    let page = app.gateway_tokens(&query.filter(), &window).await?;
    Ok(Json(Listed::of(page, &query, GatewayToken::from)))
}

/// Reads a token of gateways
#[utoipa::path(get, path = "/gateway-tokens/{id}", operation_id = "read_gateway_token", tag = "gateways",
    params(("id" = String, Path, description = "The identifier of the token."), ReadHeaders),
    responses((status = 200, description = "The token.", body = GatewayToken), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<GatewayTokenId>,
) -> Result<Tagged<GatewayToken>, Problem> {
    Ok(Tagged(app.gateway_token(id).await?.into()))
}

/// Withdraws a token of gateways
///
/// At once: questions that are open end with 401. Gateways that come by it keep what they know, and learn nothing new.
/// The token from the environment cannot be withdrawn, since the next start would bring it back.
#[utoipa::path(delete, path = "/gateway-tokens/{id}", operation_id = "delete_gateway_token", tag = "gateways",
    params(("id" = String, Path, description = "The identifier of the token."), WriteHeaders),
    responses((status = 204, description = "The token is gone."), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<GatewayTokenId>,
    preconditions: Preconditions,
) -> Result<StatusCode, Problem> {
    let condition = preconditions.of(GatewayToken::seen);
    app.delete_gateway_token(&author, id, condition).await?;
    Ok(StatusCode::NO_CONTENT)
}
