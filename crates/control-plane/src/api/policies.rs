//! `/policies`: how much profiles may call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use portcullis_feed::PolicyId;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Edited, Listed, ReadRefusals, Removed, WriteRefusals};
use super::asked::{Asked, Changes, Draft, Named, PageQuery, id, limit};
use crate::app::App;
use crate::app::policy::{PolicyDraft, Quota, RateLimit};
use crate::app::time::Moment;
use crate::identity::By;
use crate::problem::Problem;

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct Policy {
    /// Its public name.
    #[schema(value_type = String, example = "po_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: PolicyId,
    /// What people call it.
    #[schema(example = "Partners")]
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// Over a short time.
    pub rate_limit: Option<RateLimit>,
    /// Over a long time.
    pub quota: Option<Quota>,
    /// When it was created.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

impl From<portcullis_store::Policy> for Policy {
    fn from(stored: portcullis_store::Policy) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            description: stored.description,
            rate_limit: stored.rate_limit.map(RateLimit::from),
            quota: stored.quota.map(Quota::from),
            created_at: Moment::from_ms(stored.created_at_ms),
            updated_at: Moment::from_ms(stored.updated_at_ms),
        }
    }
}

/// Adds a policy
#[utoipa::path(post, path = "/policies", operation_id = "create_policy", tag = "policies",
    request_body = PolicyDraft,
    responses((status = 201, description = "The policy.", body = Edited<Policy>), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    Draft(draft): Draft<PolicyDraft>,
) -> Result<(StatusCode, Edited<Policy>), Problem> {
    let created = app.create_policy(&author, draft).await?;
    Ok(Edited::of(created, Policy::from).created())
}

/// Lists the policies
#[utoipa::path(get, path = "/policies", operation_id = "list_policies", tag = "policies",
    params(PageQuery),
    responses((status = 200, description = "A page of the policies.", body = Listed<Policy>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(page): Asked<PageQuery>,
) -> Result<Json<Listed<Policy>>, Problem> {
    let after = id("cursor", page.cursor.as_deref())?;
    let page = app.policies(after, limit(page.limit)?).await?;
    Ok(Json(Listed::of(
        page,
        |policy| policy.id.to_string(),
        Policy::from,
    )))
}

/// Reads a policy
#[utoipa::path(get, path = "/policies/{id}", operation_id = "read_policy", tag = "policies",
    params(("id" = String, Path, description = "The identifier of the policy.")),
    responses((status = 200, description = "The policy.", body = Policy), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<PolicyId>,
) -> Result<Json<Policy>, Problem> {
    Ok(Json(app.policy(id).await?.into()))
}

/// Changes a policy
///
/// A JSON merge patch: what is absent stays, `null` clears. It changes for all access profiles that have it.
#[utoipa::path(patch, path = "/policies/{id}", operation_id = "change_policy", tag = "policies",
    params(("id" = String, Path, description = "The identifier of the policy.")),
    request_body = PolicyDraft,
    responses((status = 200, description = "The policy.", body = Edited<Policy>), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<PolicyId>,
    Changes(patch): Changes,
) -> Result<Edited<Policy>, Problem> {
    let changed = app.change_policy(&author, id, patch).await?;
    Ok(Edited::of(changed, Policy::from))
}

/// Removes a policy
///
/// Refused while an access profile has it.
#[utoipa::path(delete, path = "/policies/{id}", operation_id = "delete_policy", tag = "policies",
    params(("id" = String, Path, description = "The identifier of the policy.")),
    responses((status = 200, description = "The policy is gone.", body = Edited<Removed>), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<PolicyId>,
) -> Result<Edited<Removed>, Problem> {
    let deleted = app.delete_policy(&author, id).await?;
    Ok(Edited::of(deleted, |()| Removed {}))
}
