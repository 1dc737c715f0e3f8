//! `/audit`: who changed what and when; as pages, and as a file.

mod export;
mod query;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use portcullis_feed::Revision;
use portcullis_store::AuditRecord;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::{Listed, ReadRefusals};
use super::asked::Asked;
use super::listing::{after_name, limit};
use crate::app::App;
use crate::app::time::Moment;
use crate::problem::Problem;

use query::AuditExportQuery;

pub use query::AuditPageQuery;

/// A change of a record.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its number: without gaps, in the order in which changes were kept.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// Who.
    pub author: AuditAuthor,
    /// In answer to which request: the `x-request-id` of its answer. Null, when the control plane did it by itself.
    pub request_id: Option<String>,
    /// What kind of record: `client`, `access_profile`, `key`, `collection`, `policy`, `gateway_token`, `gateway`,
    /// `feed_key`, `key_set`, `operator`, `session`, `link`, `token` or `operator_token`.
    #[schema(example = "access_profile")]
    pub kind: String,
    /// The identifier of the record.
    pub object_id: String,
    /// What people called it then, if they did.
    pub object_name: Option<String>,
    /// What was done: `create`, `change`, `delete`, or `revoke` for keys.
    #[schema(example = "change")]
    pub action: String,
    /// What the record was like, by the members that REST shows; of a change, those that differ. Of secrets there are
    /// fingerprints at most, by which it can be seen that they are others. Null, when there was none.
    pub before: Option<Map<String, Value>>,
    /// What it is like since. Null, when there is none any more.
    pub after: Option<Map<String, Value>>,
    /// A gateway that has seen this revision has seen the change, if gateways hear of it at all.
    #[schema(value_type = u64)]
    pub revision: Revision,
}

/// Who made a change, by the names of that time.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditAuthor {
    /// What kind of author: `operator`, `token` for a robot's, `operator_token` for that of the environment or the first
    /// start, `newcomer` for who set the control plane up, `system` for the control plane itself.
    #[schema(example = "operator")]
    pub kind: String,
    /// The identifier of the operator or the token.
    pub id: Option<String>,
    /// What people called them. Of the control plane itself, what it was about.
    #[schema(example = "Ann")]
    pub name: String,
}

impl From<AuditRecord> for AuditEntry {
    fn from(record: AuditRecord) -> Self {
        Self {
            number: record.ordinal,
            at: Moment::from_ms(record.at_ms),
            author: AuditAuthor {
                kind: record.author.kind,
                id: record.author.id,
                name: record.author.name,
            },
            request_id: record.request_id,
            kind: record.kind,
            object_id: record.object_id,
            object_name: record.object_name,
            action: record.action,
            before: record.before,
            after: record.after,
            revision: record.revision,
        }
    }
}

/// Lists changes
///
/// The newest first: all that fit whatever is asked for.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "audit",
    params(AuditPageQuery),
    responses((status = 200, description = "A page of the changes.", body = Listed<AuditEntry>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asked(query): Asked<AuditPageQuery>,
) -> Result<Json<Listed<AuditEntry>>, Problem> {
    let filter = query.filter()?;
    let below = after_name(&query)?;
    let page = app.audit(&filter, below, limit(query.limit)?).await?;
    Ok(Json(Listed::of(page, &query, AuditEntry::from)))
}

/// Exports changes
///
/// The newest first, as a file of any length. In CSV, texts that spreadsheets would take for formulas begin with an
/// apostrophe.
#[utoipa::path(get, path = "/audit/export", operation_id = "export_audit", tag = "audit",
    params(AuditExportQuery),
    responses((status = 200, description = "The changes.",
        content((String = "application/jsonl"), (String = "text/csv"))), ReadRefusals))]
pub async fn export(
    State(app): State<Arc<App>>,
    Asked(query): Asked<AuditExportQuery>,
) -> Result<Response, Problem> {
    let (filter, format) = (query.filter()?, query.format()?);
    Ok(export::answer(app, filter, format).await?)
}
