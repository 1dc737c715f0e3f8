//! What a request says, parsed at the edge: identifiers in the path, pages in the query, drafts and patches in the
//! body. What cannot be parsed is answered here.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use portcullis_feed::ProfileId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::app::draft::{self, Patch};
use crate::app::laborious::at_length;
use crate::app::page::LONGEST;
use crate::problem::{Kind, Problem};

const DEFAULT_LIMIT: u32 = 100;

/// The identifier in the path. What is no identifier names nothing.
pub struct Named<T>(pub T);

/// The identifiers of a profile and of one of its keys in the path.
pub struct NamedKey(pub ProfileId, pub String);

/// A draft in the body.
pub struct Draft<T>(pub T);

/// A draft in the body, which may be a large one.
pub struct LargeDraft<T>(pub T);

/// A draft in the body, which may be empty.
pub struct DraftIfAny<T>(pub T);

/// A patch in the body.
pub struct Changes(pub Patch);

/// Which part of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

/// Which part of a list of access profiles.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProfilePageQuery {
    /// Only the profiles of this client.
    pub client_id: Option<String>,
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

/// Which part of the list of gateways.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GatewayPageQuery {
    /// Only those in this state: `connected`, `silent` or `lost`.
    pub state: Option<String>,
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

/// Which part of the list of sessions.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionPageQuery {
    /// The sessions of this operator. One's own, when absent; those of all, for tokens. Only admins see others'.
    pub operator_id: Option<String>,
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

/// Whether something is done although it has consequences.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ForceQuery {
    /// Whether it is done all the same. False, when absent.
    pub force: Option<bool>,
}

/// A query.
pub struct Asked<T>(pub T);

/// The length of a page.
///
/// # Errors
/// When it is none that a page can have.
pub fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=LONGEST).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("`limit` is 1 to {LONGEST}");
    Err(Problem::new(Kind::MalformedRequest, &detail).with_error("?limit", detail))
}

/// An identifier in the query.
///
/// # Errors
/// When it is none.
pub fn id<T>(name: &str, asked: Option<&str>) -> Result<Option<T>, Problem>
where
    T: FromStr,
    T::Err: ToString,
{
    let parse = |text: &str| {
        text.parse().map_err(|invalid: T::Err| {
            let detail = format!("`{name}` is {}", invalid.to_string());
            Problem::new(Kind::MalformedRequest, detail.clone())
                .with_error(format!("?{name}"), detail)
        })
    };
    asked.map(parse).transpose()
}

impl<S: Send + Sync, T: FromStr + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| nothing())?;
        text.parse().map(Self).map_err(|_| nothing())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NamedKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((profile, key)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| nothing())?;
        // Refusals name what they did not find: of a whole key in the wrong place nothing may be repeated.
        let is_id = key.len() == 12 && key.bytes().all(|b| b.is_ascii_alphanumeric());
        match profile.parse() {
            Ok(profile) if is_id => Ok(Self(profile, key)),
            _ => Err(nothing()),
        }
    }
}

fn nothing() -> Problem {
    Problem::new(Kind::NotFound, "the path names no record of this kind")
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::from_request_parts(parts, state)
            .await
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection| Problem::new(Kind::MalformedRequest, rejection.body_text()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Draft<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = json_body(request, state, &["application/json"]).await?;
        Ok(Self(draft::read(&body)?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for LargeDraft<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = json_body(request, state, &["application/json"]).await?;
        Ok(Self(at_length(|| draft::read_large(&body))?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for DraftIfAny<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.headers().contains_key(header::CONTENT_TYPE) {
            return Draft::from_request(request, state)
                .await
                .map(|Draft(draft)| Self(draft));
        }
        let body = body(request, state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        Err(of_another_type(&["application/json"]))
    }
}

impl<S: Send + Sync> FromRequest<S> for Changes {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let types = ["application/json", "application/merge-patch+json"];
        let body = json_body(request, state, &types).await?;
        Ok(Self(draft::read(&body)?))
    }
}

async fn json_body<S: Send + Sync>(
    request: Request,
    state: &S,
    types: &[&str],
) -> Result<Bytes, Problem> {
    if !has_content_type(request.headers(), types) {
        return Err(of_another_type(types));
    }
    body(request, state).await
}

fn of_another_type(types: &[&str]) -> Problem {
    let detail = format!("the body has to be `{}`", types.join("` or `"));
    Problem::new(Kind::UnsupportedContentType, detail)
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| {
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                let detail = "a body has at most 256 KiB, and a configuration 256 MiB";
                return Problem::new(Kind::BodyTooLarge, detail);
            }
            Problem::new(Kind::MalformedRequest, "the body ended too early")
        })
}

fn has_content_type(headers: &HeaderMap, types: &[&str]) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| {
        types
            .iter()
            .any(|known| essence.trim().eq_ignore_ascii_case(known))
    })
}
