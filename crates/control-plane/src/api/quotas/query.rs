//! What is asked of notices.

use portcullis_feed::{ClientId, ProfileId};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::api::query::{ListQuery, in_one_order};

/// Which notices of quotas.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QuotaNoticeQuery {
    /// Only those of this client.
    #[param(value_type = Option<String>)]
    pub client_id: Option<ClientId>,
    /// Only those of this profile.
    #[param(value_type = Option<String>)]
    pub profile_id: Option<ProfileId>,
    /// Only those of windows that are still open.
    pub open: Option<bool>,
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`. All else has to be asked as it was for that page, save `limit`.
    pub cursor: Option<String>,
}

in_one_order!(QuotaNoticeQuery);
