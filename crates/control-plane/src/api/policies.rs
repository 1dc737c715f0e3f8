//! `/policies`: how much profiles may call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portcullis_feed::PolicyId;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Edited, Listed, ReadRefusals, Removed, WriteRefusals};
use super::asked::{Asked, CascadeQuery, Changes, Named};
use super::listing::window;
use super::new::{KeyHeaders, New};
use super::query::PolicyQuery;
use super::tag::{Preconditions, ReadHeaders, Tagged, WriteHeaders};
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

impl Policy {
    /// As readers get it.
    fn seen(stored: &portcullis_store::Policy) -> Self {
        Self::from(stored.clone())
    }
}

/// Adds a policy
#[utoipa::path(post, path = "/policies", operation_id = "create_policy", tag = "policies",
    params(KeyHeaders),
    request_body = PolicyDraft,
    responses((status = 201, description = "The policy.", body = Edited<Policy>), WriteRefusals))]
pub async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    New { draft, asking }: New<PolicyDraft>,
) -> Result<Answer, Problem> {
    let once = asking.once(|created| {
        let edited = Edited::of(created, Policy::from).tagged();
        edited.created(&format!("policies/{}", edited.record.id))
    });
    Ok(app.create_policy(&author, once, draft).await?)
}

/// Lists the policies
#[utoipa::path(get, path = "/policies", operation_id = "list_policies", tag = "policies",
    params(PolicyQuery),
    responses((status = 200, description = "A page of the policies.", body = Listed<Policy>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<PolicyQuery>,
) -> Result<Json<Listed<Policy>>, Problem> {
    let page = app.policies(&query.filter(), &window(&query)?).await?;
    Ok(Json(Listed::of(page, &query, Policy::from)))
}

/// Reads a policy
#[utoipa::path(get, path = "/policies/{id}", operation_id = "read_policy", tag = "policies",
    params(("id" = String, Path, description = "The identifier of the policy."), ReadHeaders),
    responses((status = 200, description = "The policy.", body = Policy), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<PolicyId>,
) -> Result<Tagged<Policy>, Problem> {
    Ok(Tagged(app.policy(id).await?.into()))
}

/// Changes a policy
///
/// A JSON merge patch: what is absent stays, `null` clears. It changes for all access profiles that have it.
#[utoipa::path(patch, path = "/policies/{id}", operation_id = "change_policy", tag = "policies",
    params(("id" = String, Path, description = "The identifier of the policy."), WriteHeaders),
    request_body = PolicyDraft,
    responses((status = 200, description = "The policy.", body = Edited<Policy>), WriteRefusals))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<PolicyId>,
    preconditions: Preconditions,
    Changes(patch): Changes,
) -> Result<Edited<Policy>, Problem> {
    let condition = preconditions.of(Policy::seen);
    let changed = app.change_policy(&author, id, condition, patch).await?;
    Ok(Edited::of(changed, Policy::from).tagged())
}

/// Removes a policy
///
/// Refused while access profiles have it, unless it is asked to `cascade`: then it is taken off them in the same edit,
/// and they go on without limits.
#[utoipa::path(delete, path = "/policies/{id}", operation_id = "delete_policy", tag = "policies",
    params(("id" = String, Path, description = "The identifier of the policy."), CascadeQuery, WriteHeaders),
    responses((status = 200, description = "The policy is gone.", body = Edited<Removed>), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<PolicyId>,
    Asked(query): Asked<CascadeQuery>,
    preconditions: Preconditions,
) -> Result<Edited<Removed>, Problem> {
    let condition = preconditions.of(Policy::seen);
    let cascade = query.cascade.unwrap_or(false);
    let deleted = app.delete_policy(&author, id, condition, cascade).await?;
    Ok(Edited::of(deleted, Removed::from))
}
