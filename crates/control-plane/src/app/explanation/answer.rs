//! An explanation, as operators read it. Nothing in it is secret: credentials appear by their public ids.

use portcullis_feed::Revision;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::time::Moment;

/// What a gateway decides about a request, and by which checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Whether the request passes.
    pub decision: Verdict,
    /// Why it is refused: the code in the answer of the gateway. Null, when it passes.
    #[schema(example = "address_not_allowed")]
    pub reason: Option<String>,
    /// With which status it is refused. Null, when it passes.
    #[schema(example = 403)]
    pub status: Option<u16>,
    /// Why it would be refused, where that is only noted. Null, when it would not.
    pub observed: Option<String>,
    /// Each check in its order.
    pub checks: Vec<ExplainedCheck>,
    /// Who calls, as far as it is proven.
    pub client: Option<Reference>,
    /// By which access profile.
    pub access_profile: Option<Reference>,
    /// By which key: its public id.
    pub key_id: Option<String>,
    /// What is called, where that was looked at.
    pub collection: Option<Reference>,
    /// Which endpoint of it.
    pub endpoint: Option<ExplainedEndpoint>,
    /// What the service sees of it. Null, when the request does not get there.
    pub service: Option<ServiceView>,
    /// Up to which change it is decided.
    #[schema(value_type = u64)]
    pub revision: Revision,
    /// When it is decided.
    pub at: Moment,
}

/// Whether a request passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It passes, maybe because its refusal is only noted.
    Permitted,
    /// It does not.
    Refused,
}

/// A check, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedCheck {
    /// Which check.
    #[schema(example = "address")]
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub detail: String,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The request passed it.
    Passed,
    /// The request is refused by it, though that may only be noted.
    Failed,
    /// Nothing depends on it.
    Skipped,
}

/// A record by its public name, and by what people call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reference {
    /// Its public name.
    #[schema(example = "ap_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: String,
    /// What people call it.
    #[schema(example = "Production")]
    pub name: String,
}

/// An endpoint, as it stands in its collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedEndpoint {
    /// The host. Any, when null.
    pub host: Option<String>,
    /// The method.
    #[schema(example = "GET")]
    pub method: String,
    /// The path template.
    #[schema(example = "/orders/{id}")]
    pub path: String,
}

/// What a service sees of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceView {
    /// The headers that tell it who calls.
    pub added: Vec<ShownHeader>,
    /// The headers that it does not see.
    pub removed: Vec<String>,
}

/// A header that a service sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShownHeader {
    /// Its name.
    #[schema(example = "x-client-id")]
    pub name: String,
    /// Its value.
    pub value: String,
}
