//! What answers have in common: the revision of an edit, pages of lists, and which refusals there are.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portcullis_feed::Revision;
use portcullis_store::Cascade;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::tag::Tag;
use crate::app::Committed;
use crate::app::gateway::Applied;

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
    #[serde(skip)]
    tag: Option<Tag>,
}

/// The whole answer to a creation. It may be kept, to be given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
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

/// The outcome of a removal: what went along, and what was changed because the record is gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Removed {
    /// How many access profiles go on without it.
    #[schema(example = 3)]
    pub changed_profiles: u64,
    /// How many access profiles went with it.
    #[schema(example = 1)]
    pub removed_profiles: u64,
    /// How many API keys, which had not been revoked before, went with it.
    #[schema(example = 2)]
    pub removed_keys: u64,
}

impl From<Cascade> for Removed {
    fn from(removed: Cascade) -> Self {
        Self {
            changed_profiles: removed.changed_profiles,
            removed_profiles: removed.removed_profiles,
            removed_keys: removed.removed_keys,
        }
    }
}

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
            tag: None,
        }
    }

    /// With the tag of a record.
    pub fn tagged_as(mut self, representation: impl FnOnce(&T) -> Tag) -> Self {
        self.tag = Some(representation(&self.record));
        self
    }
}

impl<T: Serialize> Edited<T> {
    /// With the tag of the record, which is what a reader gets.
    pub fn tagged(self) -> Self {
        self.tagged_as(|record| Tag::of(record))
    }

    /// With status 201, and where the record is to be found.
    pub fn created(&self, location: &str) -> Answer {
        Answer::created(location, self).told_of(self)
    }

    /// With status 200, as an answer that may be kept.
    pub fn answered(&self) -> Answer {
        Answer::new(StatusCode::OK, self).told_of(self)
    }
}

impl<T: Serialize> IntoResponse for Edited<T> {
    fn into_response(self) -> Response {
        let revision = HeaderValue::from(self.revision);
        let tag = self.tag.as_ref().map(Tag::header);
        let mut answer = ([(REVISION_HEADER, revision)], Json(self)).into_response();
        answer.headers_mut().extend(tag);
        answer
    }
}

/// An answer that nobody on the way may keep.
pub fn shown_once(answer: impl IntoResponse) -> Response {
    let kept_by_nobody = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (kept_by_nobody, answer).into_response()
}

impl From<crate::app::Notice> for Notice {
    fn from(notice: crate::app::Notice) -> Self {
        Self {
            pointer: notice.pointer,
            detail: notice.detail,
        }
    }
}

impl Answer {
    /// A record with status 201, and where it is to be found.
    pub fn created(location: &str, body: &impl Serialize) -> Self {
        Self::new(StatusCode::CREATED, body).with(header::LOCATION, format!("/api/v1/{location}"))
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name.as_str().to_owned(), value.into()));
        self
    }

    /// That nobody on the way may keep.
    #[must_use]
    pub fn shown_once(self) -> Self {
        self.with(header::CACHE_CONTROL, "no-store")
    }

    fn new(status: StatusCode, body: &impl Serialize) -> Self {
        let answer = Self {
            status: status.as_u16(),
            headers: Vec::new(),
            // Only texts, numbers, lists and objects with texts as names: writing them as JSON cannot fail.
            body: serde_json::to_string(body).unwrap_or_default(),
        };
        answer.with(header::CONTENT_TYPE, "application/json")
    }

    fn told_of<T>(self, edited: &Edited<T>) -> Self {
        let answer = self.with(REVISION_HEADER, edited.revision.to_string());
        match &edited.tag {
            Some(tag) => answer.with(header::ETAG, tag.as_str()),
            None => answer,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut answer = self.body.into_response();
        *answer.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        for (name, value) in self.headers {
            let header = (HeaderName::try_from(name), HeaderValue::try_from(value));
            if let (Ok(name), Ok(value)) = header {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
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
            (
                "412",
                "The record is not what `If-Match` or `If-None-Match` asks for.",
            ),
            ("413", "The body is too large."),
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
