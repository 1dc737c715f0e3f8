//! What answers have in common: the revision of an edit, pages of lists, and which refusals there are.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis_feed::Revision;
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::app::Committed;
use crate::app::gateway::Applied;
use crate::app::page::Page;

/// The header that tells the revision of an edit.
pub const REVISION_HEADER: HeaderName = HeaderName::from_static("portcullis-revision");

/// The outcome of an edit.
#[derive(Debug, Serialize, ToSchema)]
pub struct Edited<T> {
    /// What there is now.
    #[serde(flatten)]
    pub record: T,
    /// A gateway that has seen this revision has seen the edit. Also in the header `portcullis-revision`.
    #[schema(value_type = u64)]
    pub revision: Revision,
    /// What was understood in another way than it was written. Absent, when nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub notices: Vec<Notice>,
    /// Which gateways have applied the edit. Absent, unless it was waited for: then it is added on the way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Applied, required = false)]
    pub applied: Option<Applied>,
}

/// Something that was understood in another way than it was written.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notice {
    /// Where: a JSON pointer (RFC 6901) into the body.
    #[schema(example = "/addresses/allow/0")]
    pub pointer: String,
    /// What became of it.
    #[schema(example = "`8.8.8.8/24` is kept as `8.8.8.0/24`, which covers the same")]
    pub detail: String,
}

/// The outcome of a removal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Removed {}

/// A part of a list, in the order of creation unless it is said otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The records.
    pub items: Vec<T>,
    /// Ask for the next page with this. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Edited<T> {
    /// As the app tells it, in the words of this door.
    pub fn of<R>(committed: Committed<R>, as_answer: impl FnOnce(R) -> T) -> Self {
        Self {
            record: as_answer(committed.record),
            revision: committed.revision,
            notices: committed.notices.into_iter().map(Notice::from).collect(),
            applied: None,
        }
    }
}

impl<T: Serialize> Edited<T> {
    /// With status 201.
    pub fn created(self) -> (StatusCode, Self) {
        (StatusCode::CREATED, self)
    }
}

impl<T: Serialize> IntoResponse for Edited<T> {
    fn into_response(self) -> Response {
        let revision = HeaderValue::from(self.revision);
        ([(REVISION_HEADER, revision)], Json(self)).into_response()
    }
}

impl From<crate::app::Notice> for Notice {
    fn from(notice: crate::app::Notice) -> Self {
        Self {
            pointer: notice.pointer,
            detail: notice.detail,
        }
    }
}

impl<T> Listed<T> {
    /// As the app tells it, in the words of this door.
    pub fn of<R>(page: Page<R>, id: impl Fn(&R) -> String, as_answer: impl Fn(R) -> T) -> Self {
        let last = page.items.last().filter(|_| page.has_more);
        Self {
            next_cursor: last.map(id),
            items: page.items.into_iter().map(as_answer).collect(),
        }
    }
}

/// The refusals of a request that reads.
pub struct ReadRefusals;

/// The refusals of a request that writes.
pub struct WriteRefusals;

impl IntoResponses for ReadRefusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[
            ("400", "The query is malformed."),
            ("401", "It is not known who asks."),
            ("403", "The role does not permit it."),
            ("404", "There is no such record."),
        ])
    }
}

impl IntoResponses for WriteRefusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        problems(&[
            (
                "400",
                "The body is not valid JSON, or the query is malformed.",
            ),
            ("401", "It is not known who asks."),
            ("403", "The role does not permit it."),
            ("404", "There is no such record."),
            ("409", "Another record stands in the way."),
            ("413", "The body has more than 256 KiB."),
            ("415", "The body is not said to be JSON."),
            (
                "422",
                "A field is missing, unknown or invalid: `errors` names it.",
            ),
        ])
    }
}

fn problems(statuses: &[(&str, &str)]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let problem = |description: &str| {
        let schema = Ref::from_schema_name("ProblemDetails");
        ResponseBuilder::new()
            .description(description)
            .content(
                "application/problem+json",
                ContentBuilder::new().schema(Some(schema)).build(),
            )
            .build()
            .into()
    };
    statuses
        .iter()
        .map(|(status, description)| ((*status).to_owned(), problem(description)))
        .collect()
}
