//! `/feed-keys`: by what gateways know that an answer is of this control plane.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use portcullis_feed::signature::FeedKeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Answer, ReadRefusals, WriteRefusals};
use super::asked::{Asked, ForceQuery, Named};
use super::new::{KeyHeaders, NewIfAny};
use crate::app::App;
use crate::app::feed_key::KnownFeedKey;
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::{GatewayReference, Problem};

/// A feed key: never its secret half.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedKey {
    /// Its name: the first 16 hexadecimal digits of the SHA-256 of the public key.
    #[schema(example = "9b4f0c1d2e3a4b5c")]
    pub id: String,
    /// What gateways are given, in `control_plane.feed_keys` or PORTCULLIS_FEED_KEYS.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    pub public_key: String,
    /// Where it came from.
    pub source: FeedKeySource,
    /// When it was made. Null for the key of the environment.
    pub created_at: Option<Moment>,
    /// How many gateways believe it, of those that are not lost.
    pub believed_by: usize,
    /// The gateways that believe it and no other key of this list: the first hundred. Without it they would refuse every
    /// answer.
    pub relied_on_by: Vec<GatewayReference>,
}

/// Where a feed key came from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedKeySource {
    /// The environment of the control plane gives it. It cannot be removed here.
    Environment,
    /// The control plane made it, and keeps its secret half sealed.
    Made,
}

/// There is nothing to say of a new feed key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsaid {}

/// All feed keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedKeys {
    /// Each of them signs every answer. That of the environment first, then in the order of their making.
    pub items: Vec<FeedKey>,
}

impl From<KnownFeedKey> for FeedKey {
    fn from(known: KnownFeedKey) -> Self {
        Self {
            id: known.public.id().to_string(),
            public_key: known.public.to_string(),
            source: match known.created_at_ms {
                Some(_) => FeedKeySource::Made,
                None => FeedKeySource::Environment,
            },
            created_at: known.created_at_ms.map(Moment::from_ms),
            believed_by: known.believers.count,
            relied_on_by: known
                .believers
                .relying
                .into_iter()
                .map(GatewayReference::from)
                .collect(),
        }
    }
}

/// Lists the feed keys
#[utoipa::path(get, path = "/feed-keys", operation_id = "list_feed_keys", tag = "gateways",
    responses((status = 200, description = "The keys.", body = FeedKeys), ReadRefusals))]
pub async fn list(State(app): State<Arc<App>>) -> Json<FeedKeys> {
    let items = app.feed_keys().into_iter().map(FeedKey::from).collect();
    Json(FeedKeys { items })
}

/// Makes another feed key
///
/// It signs every answer from now on, beside those that there are. Let all gateways believe it before an older one is
/// removed.
#[utoipa::path(post, path = "/feed-keys", operation_id = "create_feed_key", tag = "gateways",
    params(KeyHeaders),
    responses((status = 201, description = "The key.", body = FeedKey), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    NewIfAny { asking, .. }: NewIfAny<Unsaid>,
) -> Result<Answer, Problem> {
    let once = asking.once(|made| {
        let key = FeedKey::from(made.record);
        Answer::created("feed-keys", &key)
    });
    Ok(app.create_feed_key(&author, once).await?)
}

/// Removes a feed key
///
/// From now on it signs nothing. Refused as long as gateways that are not lost believe no other key, unless it is done by
/// force: they would keep what they know, and learn nothing new. The last key stays, and so does that of the environment,
/// since the next start would bring it back.
#[utoipa::path(delete, path = "/feed-keys/{id}", operation_id = "delete_feed_key", tag = "gateways",
    params(("id" = String, Path, description = "The name of the key."), ForceQuery),
    responses((status = 204, description = "The key is gone."), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<FeedKeyId>,
    Asked(query): Asked<ForceQuery>,
) -> Result<StatusCode, Problem> {
    app.delete_feed_key(&author, &id, query.force.unwrap_or(false))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
