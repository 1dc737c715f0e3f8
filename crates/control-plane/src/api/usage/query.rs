//! What is asked of usage.

use portcullis_feed::usage::{LONGEST_ENDPOINT, LONGEST_TEXT};
use portcullis_feed::{ClientId, CollectionId, ProfileId};
use portcullis_store::{RefusedFilter, UsageFilter, UsageGroup, UsageOrder, UsageUnit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::parameters::malformed_value;
use crate::api::query::{ListQuery, in_one_order};
use crate::app::time::Moment;
use crate::app::usage::{StatusClass, UsageAsked, UsageBy};
use crate::problem::Problem;

/// How many members of a group are told where nothing is said, and at most.
const DEFAULT_MEMBERS: u32 = 10;
const MOST_MEMBERS: u32 = 100;

/// Of how long a time each sum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, UTC.
    Day,
}

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// Clients.
    Client,
    /// Access profiles.
    Profile,
    /// API keys, by their public ids.
    Key,
    /// Collections.
    Collection,
    /// Endpoints, by their methods and path templates.
    Endpoint,
    /// Classes of statuses.
    Status,
    /// Why requests were refused.
    Reason,
}

/// Who may have most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopBy {
    /// Clients.
    Client,
    /// Access profiles.
    Profile,
    /// API keys, by their public ids.
    Key,
    /// Collections.
    Collection,
    /// Endpoints, by their methods and path templates.
    Endpoint,
    /// Why requests were refused.
    Reason,
}

/// The most of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MostOf {
    /// Requests.
    Requests,
    /// Refused requests.
    Refused,
    /// Requests that ended with a status of 500 and above.
    Failed,
    /// Bytes in both directions.
    Bytes,
}

macro_rules! usage_query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// From then on; a day before the end, when absent. Cut to the whole minute, hour or day.
            #[param(value_type = Option<String>, format = DateTime, example = "2027-01-01T00:00:00Z")]
            pub since: Option<Moment>,
            /// Before then; now, when absent. To the end of that minute, hour or day.
            #[param(value_type = Option<String>, format = DateTime, example = "2027-02-01T00:00:00Z")]
            pub until: Option<Moment>,
            /// From which sums. Minutes for up to three hours, hours for up to three days, and days for more, when
            /// absent; coarser ones where those are not kept any more.
            #[param(inline)]
            pub resolution: Option<Resolution>,
            /// Only those of this client.
            #[param(value_type = Option<String>)]
            pub client_id: Option<ClientId>,
            /// Only those of this access profile.
            #[param(value_type = Option<String>)]
            pub profile_id: Option<ProfileId>,
            /// Only those that came with this API key, by its public id.
            pub key_id: Option<String>,
            /// Only those that asked for this collection.
            #[param(value_type = Option<String>)]
            pub collection_id: Option<CollectionId>,
            /// Only those that asked for this endpoint: its method and its path template.
            #[param(min_length = 1, max_length = 512, example = "GET /orders/{id}")]
            pub endpoint: Option<String>,
            /// Only those that were refused for this reason. Of them only the requests are known.
            #[param(min_length = 1, max_length = 64, example = "quota_exceeded")]
            pub reason: Option<String>,
        }

        impl $name {
            fn all_but_status(&self) -> Result<UsageAsked, Problem> {
                Ok(UsageAsked {
                    since_ms: self.since.map(Moment::as_ms),
                    until_ms: self.until.map(Moment::as_ms),
                    unit: self.resolution.map(UsageUnit::from),
                    filter: UsageFilter {
                        client: self.client_id,
                        profile: self.profile_id,
                        key_id: key(self.key_id.as_ref())?,
                        collection: self.collection_id,
                        endpoint: plain("endpoint", self.endpoint.as_ref(), LONGEST_ENDPOINT)?,
                        reason: plain("reason", self.reason.as_ref(), LONGEST_TEXT)?,
                    },
                    status: None,
                })
            }
        }
    };
}

usage_query! {
    /// The course of which usage.
    UsageSeriesQuery {
        /// What is told apart. Nothing, when absent.
        #[param(inline)]
        group_by: Option<GroupBy>,
        /// Of how many members of the group: 1 to 100 of those with the most requests, 10 when absent.
        #[param(minimum = 1, maximum = 100, default = 10)]
        limit: Option<u32>,
        /// Only those that ended like this. Of them only the requests are known. Not together with `reason`.
        #[param(inline)]
        status: Option<StatusClass>,
    }
}

usage_query! {
    /// The sums of which usage.
    UsageTotalsQuery {
        /// Only those that ended like this. Of them only the requests are known. Not together with `reason`.
        #[param(inline)]
        status: Option<StatusClass>,
    }
}

usage_query! {
    /// Who has most of which usage.
    UsageTopQuery {
        /// Who.
        #[param(inline)]
        by: TopBy,
        /// The most of what: requests, when absent. Of reasons, only requests are known.
        #[param(inline, default = "requests")]
        order: Option<MostOf>,
        /// How many: 1 to 100, 10 when absent.
        #[param(minimum = 1, maximum = 100, default = 10)]
        limit: Option<u32>,
    }
}

macro_rules! refusal_query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            /// Only those that were refused for this reason.
            #[param(min_length = 1, max_length = 64, example = "quota_exceeded")]
            pub reason: Option<String>,
            /// Only those of this client.
            #[param(value_type = Option<String>)]
            pub client_id: Option<ClientId>,
            /// Only those of this access profile.
            #[param(value_type = Option<String>)]
            pub profile_id: Option<ProfileId>,
            /// Only those that came with this API key, by its public id.
            pub key_id: Option<String>,
            /// Only those that asked for this collection.
            #[param(value_type = Option<String>)]
            pub collection_id: Option<CollectionId>,
            /// Only those that were refused then or later.
            #[param(value_type = Option<String>, format = DateTime)]
            pub since: Option<Moment>,
            /// Only those that were refused before then.
            #[param(value_type = Option<String>, format = DateTime)]
            pub until: Option<Moment>,
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            /// Those that fit.
            pub(super) fn filter(&self) -> Result<RefusedFilter, Problem> {
                Ok(RefusedFilter {
                    reason: plain("reason", self.reason.as_ref(), LONGEST_TEXT)?,
                    client: self.client_id,
                    profile: self.profile_id,
                    key_id: key(self.key_id.as_ref())?,
                    collection: self.collection_id,
                    since_ms: self.since.map(Moment::as_ms),
                    until_ms: self.until.map(Moment::as_ms),
                })
            }
        }
    };
}

refusal_query! {
    /// Which part of the list of refusals.
    RefusalPageQuery {
        /// How many records at most: 1 to 1,000, 100 when absent.
        #[param(minimum = 1, maximum = 1000, default = 100)]
        limit: Option<u32>,
        /// Where the page before ended: its `next_cursor`. All else has to be asked as it was for that page, save `limit`.
        cursor: Option<String>,
    }
}

refusal_query! {
    /// Which refusals.
    RefusalExportQuery {}
}

/// Which part of the list of gateways that tell usage.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsageGatewayQuery {
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

in_one_order!(RefusalPageQuery, UsageGatewayQuery);

impl UsageSeriesQuery {
    pub(super) fn asked(&self) -> Result<UsageAsked, Problem> {
        with_status(self.all_but_status()?, self.status)
    }

    pub(super) fn by(&self) -> Result<Option<UsageBy>, Problem> {
        let by = match self.group_by {
            None => return Ok(None),
            Some(GroupBy::Client) => UsageGroup::Client,
            Some(GroupBy::Profile) => UsageGroup::Profile,
            Some(GroupBy::Key) => UsageGroup::Key,
            Some(GroupBy::Collection) => UsageGroup::Collection,
            Some(GroupBy::Endpoint) => UsageGroup::Endpoint,
            Some(GroupBy::Reason) if self.status.is_some() => {
                return Err(malformed_value(
                    "group_by",
                    "not `reason` together with `status`",
                ));
            }
            Some(GroupBy::Reason) => UsageGroup::Reason,
            Some(GroupBy::Status) if self.reason.is_some() => {
                return Err(malformed_value(
                    "group_by",
                    "not `status` together with `reason`",
                ));
            }
            Some(GroupBy::Status) => return Ok(Some(UsageBy::Status)),
        };
        Ok(Some(UsageBy::Group(by)))
    }

    pub(super) fn limit(&self) -> Result<u32, Problem> {
        members(self.limit)
    }
}

impl UsageTotalsQuery {
    pub(super) fn asked(&self) -> Result<UsageAsked, Problem> {
        with_status(self.all_but_status()?, self.status)
    }
}

impl UsageTopQuery {
    pub(super) fn asked(&self) -> Result<UsageAsked, Problem> {
        self.all_but_status()
    }

    pub(super) fn order(&self) -> UsageOrder {
        match self.order {
            None | Some(MostOf::Requests) => UsageOrder::Requests,
            Some(MostOf::Refused) => UsageOrder::Refused,
            Some(MostOf::Failed) => UsageOrder::Failed,
            Some(MostOf::Bytes) => UsageOrder::Bytes,
        }
    }

    pub(super) fn limit(&self) -> Result<u32, Problem> {
        members(self.limit)
    }
}

impl From<TopBy> for UsageGroup {
    fn from(by: TopBy) -> Self {
        match by {
            TopBy::Client => Self::Client,
            TopBy::Profile => Self::Profile,
            TopBy::Key => Self::Key,
            TopBy::Collection => Self::Collection,
            TopBy::Endpoint => Self::Endpoint,
            TopBy::Reason => Self::Reason,
        }
    }
}

impl From<Resolution> for UsageUnit {
    fn from(resolution: Resolution) -> Self {
        match resolution {
            Resolution::Minute => Self::Minute,
            Resolution::Hour => Self::Hour,
            Resolution::Day => Self::Day,
        }
    }
}

impl From<UsageUnit> for Resolution {
    fn from(unit: UsageUnit) -> Self {
        match unit {
            UsageUnit::Minute => Self::Minute,
            UsageUnit::Hour => Self::Hour,
            UsageUnit::Day => Self::Day,
        }
    }
}

fn with_status(asked: UsageAsked, status: Option<StatusClass>) -> Result<UsageAsked, Problem> {
    if status.is_some() && asked.filter.reason.is_some() {
        return Err(malformed_value("status", "not together with `reason`"));
    }
    Ok(UsageAsked { status, ..asked })
}

fn members(limit: Option<u32>) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(DEFAULT_MEMBERS);
    if (1..=MOST_MEMBERS).contains(&limit) {
        return Ok(limit);
    }
    Err(malformed_value("limit", &format!("1 to {MOST_MEMBERS}")))
}

fn key(text: Option<&String>) -> Result<Option<String>, Problem> {
    let is_id =
        |text: &&String| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match text {
        Some(text) if !is_id(&text) => Err(malformed_value("key_id", "12 letters and digits")),
        text => Ok(text.cloned()),
    }
}

fn plain(name: &str, text: Option<&String>, longest: usize) -> Result<Option<String>, Problem> {
    match text {
        Some(text)
            if text.is_empty()
                || text.chars().count() > longest
                || text.contains(char::is_control) =>
        {
            let detail = format!("1 to {longest} characters without control characters");
            Err(malformed_value(name, &detail))
        }
        text => Ok(text.cloned()),
    }
}
