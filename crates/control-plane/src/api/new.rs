//! Creations: a draft in the body, and perhaps a key of its author's in the header `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header), by which the same request is done once, however often it is sent.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use portcullis_feed::Digest;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;

use super::answer::Answer;
use super::asked::{JSON, body, has_content_type, of_another_type};
use crate::app::once::{self, Once};
use crate::app::role::Identity;
use crate::app::{App, Committed, draft};
use crate::problem::{Kind, Problem};

/// The header with the key.
pub const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// How long a key may be.
const LONGEST_KEY: usize = 255;

/// By what a creation is known again.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct KeyHeaders {
    /// A key of the author's choice, such as a UUID, a new one for each request: 1 to 255 printable ASCII characters in
    /// quotation marks. Sent again by the same author within 24 hours, the same request creates nothing and gets the same
    /// answer, secrets included, which are kept sealed for that long; another request gets 422.
    #[param(
        rename = "Idempotency-Key",
        pattern = r#"^("[ !#-\[\]-~]{1,255}"|[!#-\[\]-~]{1,255})$"#,
        example = "\"8e03978e-40d5-43dd-bc93-6894a57f9324\""
    )]
    pub idempotency_key: Option<String>,
}

/// A draft in the body of a creation. A request that was answered before does not come so far: it gets the same answer.
pub struct New<T> {
    /// The draft.
    pub draft: T,
    /// What makes it known again.
    pub asking: Asking,
}

/// The same, when the body may be empty.
pub struct NewIfAny<T> {
    /// The draft.
    pub draft: T,
    /// What makes it known again.
    pub asking: Asking,
}

/// What makes a request known again.
pub struct Asking(Option<once::Request>);

impl Asking {
    /// What is done once, and how it is answered.
    pub fn once<T>(
        self,
        answer: impl FnOnce(Committed<T>) -> Answer + Send + Sync + 'static,
    ) -> Once<T, Answer> {
        Once::new(self.0, answer)
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for New<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        if !has_content_type(request.headers(), &JSON) {
            return Err(of_another_type(&JSON).into_response());
        }
        let (asking, body) = asked(request, app).await?;
        let draft = read(&body).map_err(Problem::into_response)?;
        Ok(Self { draft, asking })
    }
}

impl<T: DeserializeOwned + Default> FromRequest<Arc<App>> for NewIfAny<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let has_type = request.headers().contains_key(header::CONTENT_TYPE);
        let is_json = has_content_type(request.headers(), &JSON);
        let (asking, body) = asked(request, app).await?;
        let draft = match (body.is_empty(), is_json) {
            (true, _) if !has_type || is_json => T::default(),
            (_, true) => read(&body).map_err(Problem::into_response)?,
            (_, false) => return Err(of_another_type(&JSON).into_response()),
        };
        Ok(Self { draft, asking })
    }
}

/// Reads the body of a request, unless the request was answered before.
pub async fn asked(request: Request, app: &Arc<App>) -> Result<(Asking, Bytes), Response> {
    let key = key(request.headers()).map_err(Problem::into_response)?;
    let author = author(request.extensions()).map_err(Problem::into_response)?;
    let mut digest = Sha256::new()
        .chain_update(request.method().as_str())
        .chain_update(" ")
        .chain_update(
            request
                .uri()
                .path_and_query()
                .map_or("", |path| path.as_str()),
        )
        .chain_update("\n");
    let body = body(request, app).await.map_err(Problem::into_response)?;
    let Some(key) = key else {
        return Ok((Asking(None), body));
    };
    digest.update(&body);
    let request = once::Request {
        author,
        key,
        digest: Digest(digest.finalize().into()),
    };
    match app.earlier_answer::<Answer>(&request).await {
        Ok(None) => Ok((Asking(Some(request)), body)),
        Ok(Some(answer)) => Err(answer.into_response()),
        Err(refusal) => Err(Problem::from(refusal).into_response()),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    Ok(draft::read(body)?)
}

/// Keys of different authors have nothing to do with each other.
fn author(extensions: &Extensions) -> Result<String, Problem> {
    let identity = extensions.get::<Identity>();
    let identity =
        identity.ok_or_else(|| Problem::new(Kind::Unauthorized, "it is not known who asks"))?;
    let id = identity.who.id().unwrap_or_default();
    Ok(format!("{} {id}", identity.who.kind()))
}

/// The key: a string as structured fields write it (RFC 9651), or the same without quotation marks.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(&KEY_HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(unquoted);
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => {
            let detail = format!(
                "`idempotency-key` is a string of 1 to {LONGEST_KEY} printable ASCII characters, \
                 such as `\"8e03978e-40d5-43dd-bc93-6894a57f9324\"`"
            );
            let problem = Problem::new(Kind::MalformedRequest, &detail);
            Err(problem.with_error(KEY_HEADER.as_str(), detail))
        }
    }
}

fn unquoted(text: &str) -> Option<String> {
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        None => {
            let is_bare = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
            text.bytes().all(is_bare).then(|| text.to_owned())?
        }
        Some(rest) => {
            let mut key = String::new();
            let mut characters = rest.strip_suffix('"')?.chars();
            while let Some(character) = characters.next() {
                key.push(match character {
                    '\\' => characters
                        .next()
                        .filter(|next| matches!(next, '"' | '\\'))?,
                    '"' => return None,
                    ' '..='~' => character,
                    _ => return None,
                });
            }
            key
        }
    };
    (1..=LONGEST_KEY).contains(&key.len()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_string_with_or_without_quotation_marks() {
        let read = |text: &str| unquoted(text);
        assert_eq!(read("\"8e03978e-40d5\""), Some("8e03978e-40d5".to_owned()));
        assert_eq!(read("8e03978e-40d5"), Some("8e03978e-40d5".to_owned()));
        assert_eq!(read("\"a \\\"b\\\\\""), Some("a \"b\\".to_owned()));
        for wrong in [
            "", "\"\"", "\"", "\"a", "a\"", "\"a\\n\"", "\"a\"b\"", "a b", "\"a\\\"",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read(&"x".repeat(256)), None);
        assert!(read(&"x".repeat(255)).is_some());
    }
}
