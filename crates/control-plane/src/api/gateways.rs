//! `/gateways`: every running Envoy, what it has, and how far behind it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use portcullis_feed::{GatewayTokenId, Revision};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Listed, ReadRefusals, WriteRefusals};
use super::asked::{Asked, Named};
use super::listing::{after_name, limit};
use super::query::GatewayQuery;
use crate::app::App;
use crate::app::gateway::{GatewayState, GatewayStatus, Instance};
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::Problem;

/// A running Envoy with the filter in it, as it was heard of last.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gateway {
    /// Names it: another for each start of Envoy.
    #[schema(example = "9f86d081884c7d65")]
    pub instance: String,
    /// What Envoy calls itself: its node's id. May be empty, and several may have the same.
    #[schema(example = "edge-1")]
    pub name: String,
    /// The version of its filter.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// The newest language of the feed that it reads.
    pub format: u32,
    /// How many VMs it has: one for each worker, and perhaps one more.
    pub workers: u32,
    /// How it stands with it.
    pub state: Standing,
    /// Whether it has a question open at this moment.
    pub asking: bool,
    /// By which token it came last.
    pub token: TokenReference,
    /// What all its VMs have applied. Null, when one of them has applied nothing yet.
    pub applied: Option<Position>,
    /// By how much the newest revision is greater than what it has applied. Null, when it has applied nothing, or what
    /// it has applied is not of the history of this database.
    pub lag: Option<u64>,
    /// Since when there has been something that it has not applied, roughly. Null, when there is nothing, when `lag` is
    /// null, or when it is not known.
    pub behind_since: Option<Moment>,
    /// After which revision it asked last. Null, when it only reported.
    #[schema(value_type = Option<u64>)]
    pub asked_after: Option<Revision>,
    /// The identifiers of the feed keys that it believes. Empty, when it takes unsigned pages.
    pub feed_keys: Vec<String>,
    /// When it was heard of first.
    pub first_contact_at: Moment,
    /// When it was heard of last: now, when it has a question open.
    pub last_contact_at: Moment,
    /// How many seconds that is ago.
    pub staleness_s: u64,
}

/// How it stands with a gateway.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It asks at this moment, or was heard of within 5 seconds.
    Connected,
    /// It was heard of within a minute.
    Silent,
    /// It was not heard of for longer. It is forgotten after a day.
    Lost,
}

/// The token of a gateway.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenReference {
    /// Its public name.
    #[schema(value_type = String, example = "gt_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: GatewayTokenId,
    /// What people call it.
    pub name: String,
    /// Whether it opens the feed still.
    pub accepted: bool,
}

/// A point in the history of a database.
#[derive(Debug, Serialize, ToSchema)]
pub struct Position {
    /// In which of its lives.
    pub epoch: String,
    /// Everything up to here.
    #[schema(value_type = u64)]
    pub revision: Revision,
}

impl From<GatewayState> for Standing {
    fn from(state: GatewayState) -> Self {
        match state {
            GatewayState::Connected => Self::Connected,
            GatewayState::Silent => Self::Silent,
            GatewayState::Lost => Self::Lost,
        }
    }
}

impl From<Standing> for GatewayState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Connected => Self::Connected,
            Standing::Silent => Self::Silent,
            Standing::Lost => Self::Lost,
        }
    }
}

impl From<GatewayStatus> for Gateway {
    fn from(status: GatewayStatus) -> Self {
        let gateway = status.gateway;
        let report = gateway.report;
        let applied = report.applied.map(|applied| Position {
            epoch: applied.epoch,
            revision: applied.revision,
        });
        Self {
            instance: report.instance,
            name: report.name,
            version: report.version,
            format: report.format,
            workers: report.workers,
            state: status.state.into(),
            asking: status.is_asking,
            token: TokenReference {
                id: gateway.token.id,
                name: gateway.token.name,
                accepted: status.is_token_accepted,
            },
            applied,
            lag: status.lag,
            behind_since: status.behind_since_ms.map(Moment::from_ms),
            asked_after: gateway.asked_after,
            feed_keys: report.feed_keys,
            first_contact_at: Moment::from_ms(gateway.first_contact_ms),
            last_contact_at: Moment::from_ms(gateway.last_contact_ms),
            staleness_s: status.staleness_ms / 1_000,
        }
    }
}

/// Lists the gateways
///
/// In the order of their instances, which says nothing of their age.
#[utoipa::path(get, path = "/gateways", operation_id = "list_gateways", tag = "gateways",
    params(GatewayQuery),
    responses((status = 200, description = "A page of the gateways.", body = Listed<Gateway>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<GatewayQuery>,
) -> Result<Json<Listed<Gateway>>, Problem> {
    let after = after_name(&query)?;
    let state = query.state.map(GatewayState::from);
    let page = app.gateways(state, after, limit(query.limit)?);
    Ok(Json(Listed::of(page, &query, Gateway::from)))
}

/// Reads a gateway
#[utoipa::path(get, path = "/gateways/{instance}", operation_id = "read_gateway", tag = "gateways",
    params(("instance" = String, Path, description = "The instance of the gateway.")),
    responses((status = 200, description = "The gateway.", body = Gateway), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(instance): Named<Instance>,
) -> Result<Json<Gateway>, Problem> {
    Ok(Json(app.gateway(instance)?.into()))
}

/// Forgets a gateway that is lost
///
/// It is back in the list as soon as it asks again.
#[utoipa::path(delete, path = "/gateways/{instance}", operation_id = "forget_gateway", tag = "gateways",
    params(("instance" = String, Path, description = "The instance of the gateway.")),
    responses((status = 204, description = "The gateway is forgotten."), WriteRefusals))]
pub async fn forget(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(instance): Named<Instance>,
) -> Result<StatusCode, Problem> {
    app.forget_gateway(&author, instance).await?;
    Ok(StatusCode::NO_CONTENT)
}
