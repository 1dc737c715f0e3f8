//! What a request says, parsed at the edge: identifiers in the path, pages in the query, drafts and patches in the
//! body. What cannot be parsed is answered here.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use portcullis_feed::ProfileId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::app::draft::{self, Patch};
use crate::app::laborious::at_length;
use crate::problem::{Kind, Problem};

/// What drafts are written in.
pub const JSON: [&str; 1] = ["application/json"];

/// The identifier in the path. What is no identifier names nothing.
pub struct Named<T>(pub T);

/// The identifiers of a profile and of one of its keys in the path.
pub struct NamedKey(pub ProfileId, pub String);

/// A draft in the body.
pub struct Draft<T>(pub T);

/// A draft in the body, which may be a large one.
pub struct LargeDraft<T>(pub T);

/// A patch in the body.
pub struct Changes(pub Patch);

/// Whether what refers to a record goes with it.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CascadeQuery {
    /// Whether access profiles that refer to it are changed, or go with it. False, when absent: then it is refused as
    /// long as there are any.
    #[param(default = false)]
    pub cascade: Option<bool>,
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

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| {
                let path = error.path().to_string();
                malformed(&path, &error.inner().to_string())
            })
    }
}

/// A parameter of the query is none, or not what it has to be.
fn malformed(path: &str, message: &str) -> Problem {
    // The path of a parameter that stands there twice, or not at all, ends before it: only the message says its name.
    let told = |before| {
        let rest = message.strip_prefix(before);
        rest.and_then(|rest: &str| rest.strip_suffix('`'))
    };
    let (twice, missing) = (told("duplicate field `"), told("missing field `"));
    let name = twice.or(missing).unwrap_or(path);
    let detail = match (twice, missing) {
        (Some(_), _) => format!("`{name}` stands there twice"),
        (None, Some(_)) => format!("`{name}` is missing"),
        (None, None) => format!("`{name}`: {message}"),
    };
    Problem::new(Kind::MalformedRequest, &detail).with_error(format!("?{name}"), detail)
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Draft<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = json_body(request, state, &JSON).await?;
        Ok(Self(draft::read(&body)?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for LargeDraft<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = json_body(request, state, &JSON).await?;
        Ok(Self(at_length(|| draft::read_large(&body))?))
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

/// The body is of none of these types.
pub fn of_another_type(types: &[&str]) -> Problem {
    let detail = format!("the body has to be `{}`", types.join("` or `"));
    Problem::new(Kind::UnsupportedContentType, detail)
}

/// The whole body.
///
/// # Errors
/// When it is too large, or ends too early.
pub async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| {
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                let detail = "a body has at most 1 MiB, a picture 256 KiB, a document that is imported 4 MiB, and a \
                              configuration 256 MiB";
                return Problem::new(Kind::BodyTooLarge, detail);
            }
            Problem::new(Kind::MalformedRequest, "the body ended too early")
        })
}

/// Whether the body is said to be of one of these types.
pub fn has_content_type(headers: &HeaderMap, types: &[&str]) -> bool {
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
