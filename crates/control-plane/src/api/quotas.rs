//! What is known of quotas: how things stand with one, and what was told of all.

mod query;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use portcullis_feed::{ClientId, ProfileId};
use portcullis_store::{QuotaEvent, QuotaEventFilter};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Listed, ReadRefusals};
use super::asked::{Asked, Named};
use super::listing::{after_name, limit};
use crate::app::App;
use crate::app::policy::Quota;
use crate::app::quota::QuotaState;
use crate::app::time::Moment;
use crate::problem::{Kind, Problem};

pub use query::QuotaNoticeQuery;

/// How things stand with the quota of a profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileQuota {
    /// The quota of its policy.
    #[serde(flatten)]
    pub quota: Quota,
    /// When the window began that is open.
    pub since: Moment,
    /// When it ends, and all is there again.
    pub until: Moment,
    /// How many requests were permitted in it, as far as gateways have told.
    pub used: u64,
    /// Whether gateways refuse what comes until then.
    pub used_up: bool,
}

/// That a profile had used much of its quota, or all of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaNotice {
    /// When that was noticed.
    pub at: Moment,
    /// Whose profile it is.
    #[schema(value_type = String)]
    pub client_id: ClientId,
    /// Which profile.
    #[schema(value_type = String)]
    pub profile_id: ProfileId,
    /// How much of the quota was reached, of a hundred: 80 or 100. From 100 on its requests are refused.
    #[schema(example = 80)]
    pub percent: u64,
    /// How many requests were permitted by then.
    pub used: u64,
    /// By which quota it was judged.
    pub quota: Quota,
    /// When its window began.
    pub since: Moment,
    /// When it ends.
    pub until: Moment,
}

impl From<QuotaState> for ProfileQuota {
    fn from(state: QuotaState) -> Self {
        Self {
            quota: state.quota,
            since: Moment::from_ms(state.window.from_ms),
            until: Moment::from_ms(state.window.until_ms),
            used: state.used,
            used_up: state.is_used_up,
        }
    }
}

impl From<QuotaEvent> for QuotaNotice {
    fn from(event: QuotaEvent) -> Self {
        Self {
            at: Moment::from_ms(event.at_ms),
            client_id: event.client,
            profile_id: event.profile,
            percent: event.standing.percent,
            used: event.used,
            quota: event.standing.quota.into(),
            since: Moment::from_ms(event.from_ms),
            until: Moment::from_ms(event.standing.until_ms),
        }
    }
}

/// Tells how things stand with the quota of an access profile
///
/// In the window of the calendar that is open, over all gateways, as far as they have told. 404 when its policy has none.
#[utoipa::path(get, path = "/access-profiles/{id}/quota", operation_id = "read_access_profile_quota", tag = "access profiles",
    params(("id" = String, Path, description = "The identifier of the access profile.")),
    responses((status = 200, description = "How things stand.", body = ProfileQuota), ReadRefusals))]
pub async fn of_profile(
    State(app): State<Arc<App>>,
    Named(id): Named<ProfileId>,
) -> Result<Json<ProfileQuota>, Problem> {
    let state = app.quota_state(id).await?;
    let none = || {
        Problem::new(
            Kind::NotFound,
            format!("the access profile `{id}` has no quota"),
        )
    };
    Ok(Json(state.ok_or_else(none)?.into()))
}

/// Lists what was told of quotas
///
/// Each time when a profile reached 80 and 100 of a hundred of its quota, the newest first. They are kept for 90 days.
#[utoipa::path(get, path = "/usage/quotas", operation_id = "list_quota_notices", tag = "usage",
    params(QuotaNoticeQuery),
    responses((status = 200, description = "A page of the notices.", body = Listed<QuotaNotice>), ReadRefusals))]
pub async fn notices(
    State(app): State<Arc<App>>,
    Asked(query): Asked<QuotaNoticeQuery>,
) -> Result<Json<Listed<QuotaNotice>>, Problem> {
    let is_open = query.open.unwrap_or(false);
    let filter = QuotaEventFilter {
        client: query.client_id,
        profile: query.profile_id,
        open_at_ms: is_open.then(|| app.now_ms()),
    };
    let before: Option<u64> = after_name(&query)?;
    let page = app.quota_events(&filter, before, limit(query.limit)?);
    Ok(Json(Listed::of(page.await?, &query, QuotaNotice::from)))
}
