//! Refusals as HTTP answers: problem details (RFC 9457), for all doors alike.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portcullis_feed::CollectionId;
use portcullis_store::ProfileName;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Refusal;
use crate::app::gateway::GatewayName;

/// How many records are named that somebody else changed.
const MOST_OVERTAKEN: usize = 100;

/// A refusal on its way out. Boxed, because it is the rare side of every answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<ProblemDetails>);

/// Why a request was refused (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemDetails {
    /// The kind of problem: `urn:portcullis:problem:` and a name that stays.
    #[schema(value_type = String, example = "urn:portcullis:problem:invalid-content")]
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind in words.
    #[schema(value_type = String, example = "the content is invalid")]
    pub title: &'static str,
    /// The status of the answer.
    #[schema(example = 422)]
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// What is wrong field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// The access profiles that stand in the way of a removal: the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub profiles: Vec<ProfileReference>,
    /// The gateways that rely on what would be removed: the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub gateways: Vec<GatewayReference>,
    /// The collections that claim the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub collections: Vec<String>,
    /// For how many seconds to wait, told in a header.
    #[serde(skip)]
    retry_after_s: Option<u64>,
    /// The records that somebody else changed since the plan was made, by their names in its basis: the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub overtaken: Vec<String>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, `?` and the name of a parameter of the query, or the name of a
    /// header in lower case.
    #[schema(example = "/addresses/allow/1")]
    pub pointer: String,
    /// What, and how it should be.
    pub detail: String,
}

/// An access profile that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileReference {
    /// Its public name.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// A gateway that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GatewayReference {
    /// Names it: another for each start of Envoy.
    pub instance: String,
    /// What Envoy calls itself.
    pub name: String,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`Kind::terms` says what each means")]
pub enum Kind {
    MalformedRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PlanOvertaken,
    StateGone,
    PreconditionFailed,
    BodyTooLarge,
    UnsupportedContentType,
    InvalidContent,
    TooManyRequests,
    ProviderFailed,
    KeyReused,
    Unavailable,
    TimedOut,
}

impl Kind {
    const fn terms(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:malformed-request",
                "the request is malformed",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "urn:portcullis:problem:unauthorized",
                "a known token is needed",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "urn:portcullis:problem:forbidden",
                "this is not permitted",
            ),
            Self::ProviderFailed => (
                StatusCode::BAD_GATEWAY,
                "urn:portcullis:problem:provider-failed",
                "the identity provider failed",
            ),
            Self::TooManyRequests => (
                StatusCode::TOO_MANY_REQUESTS,
                "urn:portcullis:problem:too-many-requests",
                "there were too many attempts",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "urn:portcullis:problem:not-found",
                "there is no such thing",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "urn:portcullis:problem:method-not-allowed",
                "the method is not allowed here",
            ),
            Self::Conflict => (
                StatusCode::CONFLICT,
                "urn:portcullis:problem:conflict",
                "another record stands in the way",
            ),
            Self::PlanOvertaken => (
                StatusCode::CONFLICT,
                "urn:portcullis:problem:plan-overtaken",
                "the plan was made for another state of the records",
            ),
            Self::StateGone => (
                StatusCode::GONE,
                "urn:portcullis:problem:state-gone",
                "the state of the gateway belongs to another history",
            ),
            Self::PreconditionFailed => (
                StatusCode::PRECONDITION_FAILED,
                "urn:portcullis:problem:precondition-failed",
                "the record is another one by now",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "urn:portcullis:problem:body-too-large",
                "the body is too large",
            ),
            Self::UnsupportedContentType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "urn:portcullis:problem:unsupported-content-type",
                "the content type is not supported",
            ),
            Self::InvalidContent => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "urn:portcullis:problem:invalid-content",
                "the content is invalid",
            ),
            Self::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "urn:portcullis:problem:idempotency-key-reused",
                "the idempotency key belongs to another request",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:portcullis:problem:unavailable",
                "the control plane is out of order",
            ),
            Self::TimedOut => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:portcullis:problem:timed-out",
                "the request took too long",
            ),
        }
    }
}

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, kind, title) = kind.terms();
        Self(Box::new(ProblemDetails {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            profiles: Vec::new(),
            gateways: Vec::new(),
            collections: Vec::new(),
            retry_after_s: None,
            overtaken: Vec::new(),
        }))
    }

    /// Adds what is wrong with one field.
    #[must_use]
    pub fn with_error(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.0.errors.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    /// What it says.
    #[must_use]
    pub fn details(&self) -> &ProblemDetails {
        &self.0
    }

    /// What its body says.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        // Only texts, numbers and lists of them: writing them as JSON cannot fail.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    fn with_profiles(mut self, profiles: Vec<ProfileName>) -> Self {
        let references = profiles.into_iter().map(|profile| ProfileReference {
            id: profile.id.to_string(),
            name: profile.name,
        });
        self.0.profiles = references.collect();
        self
    }

    fn with_gateways(mut self, gateways: Vec<GatewayName>) -> Self {
        self.0.gateways = gateways.into_iter().map(GatewayReference::from).collect();
        self
    }

    fn with_collections(mut self, collections: impl IntoIterator<Item = CollectionId>) -> Self {
        let ids = collections.into_iter().map(|id| id.to_string());
        self.0.collections = ids.collect();
        self
    }
}

impl From<GatewayName> for GatewayReference {
    fn from(GatewayName { instance, name }: GatewayName) -> Self {
        Self { instance, name }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Malformed(_) => Self::new(Kind::MalformedRequest, detail),
            Refusal::Invalid(violations) => violations.into_iter().fold(
                Self::new(Kind::InvalidContent, detail),
                |problem, violation| problem.with_error(violation.pointer, violation.detail),
            ),
            Refusal::NotFound { .. } => Self::new(Kind::NotFound, detail),
            Refusal::Changed { .. } => Self::new(Kind::PreconditionFailed, detail),
            Refusal::KeyOfAnotherRequest => Self::new(Kind::KeyReused, detail).with_error(
                "idempotency-key",
                "a key that was not used for another request",
            ),
            Refusal::AnswerLost => Self::new(Kind::Conflict, detail),
            Refusal::NameTaken { holder, .. } => {
                Self::new(Kind::Conflict, detail).with_collections([holder])
            }
            Refusal::EndpointClaimed { holders, .. } => {
                Self::new(Kind::Conflict, detail).with_collections(holders.map(|(id, _)| id))
            }
            Refusal::IdentityTaken { holder, .. } => {
                Self::new(Kind::Conflict, detail).with_profiles(vec![holder])
            }
            Refusal::KeyTaken
            | Refusal::TooManyKeys { .. }
            | Refusal::TooManyFeedKeys { .. }
            | Refusal::OfEnvironment { .. }
            | Refusal::LastFeedKey
            | Refusal::TooManyTokens { .. }
            | Refusal::EmailTaken { .. }
            | Refusal::LastAdmin
            | Refusal::TooManyRobotTokens { .. }
            | Refusal::NotLost { .. } => Self::new(Kind::Conflict, detail),
            Refusal::LinkSpent | Refusal::NoSingleSignOn => Self::new(Kind::NotFound, detail),
            Refusal::ForeignAnswer | Refusal::NotAdmitted => Self::new(Kind::Forbidden, detail),
            Refusal::ProviderFailed(_) => {
                tracing::warn!(detail, "single sign-on failed");
                Self::new(Kind::ProviderFailed, detail)
            }
            Refusal::LogInFailed => Self::new(Kind::Unauthorized, detail),
            Refusal::TooManyAttempts { retry_after_s } => {
                let mut problem = Self::new(Kind::TooManyRequests, detail);
                problem.0.retry_after_s = Some(retry_after_s);
                problem
            }
            Refusal::NoHash => {
                tracing::error!("a password cannot be hashed");
                Self::new(Kind::Unavailable, detail)
            }
            Refusal::FeedKeyReliedOn { gateways } => {
                Self::new(Kind::Conflict, detail).with_gateways(gateways)
            }
            Refusal::Overtaken { mut objects } => {
                let mut problem = Self::new(Kind::PlanOvertaken, detail);
                objects.truncate(MOST_OVERTAKEN);
                problem.0.overtaken = objects;
                problem
            }
            Refusal::InUse { profiles, .. } => {
                Self::new(Kind::Conflict, detail).with_profiles(profiles)
            }
            Refusal::Unreachable(source) => {
                let source: &dyn std::error::Error = &source;
                tracing::error!(error = source, "the store failed");
                Self::new(Kind::Unavailable, detail)
            }
            Refusal::NoEntropy(_) => {
                tracing::error!("the system gives no random bytes");
                Self::new(Kind::Unavailable, detail)
            }
        }
    }
}

impl Problem {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// What the answer says besides its body, whatever form that has.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                let challenge = HeaderValue::from_static("Bearer realm=\"portcullis\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.json()).into_response();
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        self.add_headers(headers);
        // Doors for people make pages of it.
        response.extensions_mut().insert(self);
        response
    }
}

/// Answers for a path that leads nowhere.
pub async fn no_such_path() -> Problem {
    Problem::new(Kind::NotFound, "there is nothing at this path")
}

/// Answers for a method that a path does not know.
pub async fn no_such_method() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "this path does not know the method")
}
