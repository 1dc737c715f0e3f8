//! Entity tags (RFC 9110, 8.8.3): by them a reader is told that nothing is new, and a writer that the record is another
//! one than the one it has seen.

use axum::Json;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_engine::api_key::digest;
use portcullis_feed::Digest;
use serde::Serialize;
use utoipa::IntoParams;

use crate::app::condition::Condition;
use crate::problem::{Kind, Problem};

/// The strong tag of a representation, with its quotation marks. It is made from the representation: all that can be seen
/// of a record changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

/// A record with its tag.
pub struct Tagged<T>(pub T);

/// A record with the tag of what its author can change of it.
pub struct TaggedAs<T> {
    /// The record.
    pub record: T,
    /// The tag.
    pub tag: Tag,
}

/// On what condition a record is changed or removed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct WriteHeaders {
    /// Only if the record is still the one with one of these tags (RFC 9110, 13.1.1): else 412, and nothing is changed.
    #[param(
        rename = "If-Match",
        pattern = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#,
        example = "\"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs\""
    )]
    pub if_match: Option<String>,
}

/// On what condition a record is told.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct ReadHeaders {
    /// Only if the record is not the one with one of these tags any more (RFC 9110, 13.1.2): else 304.
    #[param(
        rename = "If-None-Match",
        pattern = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#,
        example = "\"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs\""
    )]
    pub if_none_match: Option<String>,
}

/// What the headers of a request ask of the record that it changes or removes.
#[derive(Debug, Clone, Default)]
pub struct Preconditions {
    matching: Option<Tags>,
    differing: Option<Tags>,
}

/// What `If-Match` and `If-None-Match` say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    /// Each with its quotation marks, and whether it is a weak one.
    Of(Vec<(String, bool)>),
}

impl Tag {
    /// Of what a reader gets, as JSON.
    pub fn of(representation: &impl Serialize) -> Self {
        // Only texts, numbers, lists and objects with texts as names: writing them as JSON cannot fail.
        let json = serde_json::to_vec(representation).unwrap_or_default();
        Self::of_digest(digest(&json))
    }

    /// Of what a reader gets, by its digest.
    pub fn of_digest(Digest(digest): Digest) -> Self {
        Self(format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest)))
    }

    /// As a header.
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        let value = HeaderValue::from_str(&self.0);
        (header::ETAG, value.unwrap_or(HeaderValue::from_static("")))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = Tag::of(&self.0);
        let record = self.0;
        TaggedAs { record, tag }.into_response()
    }
}

impl<T: Serialize> TaggedAs<T> {
    /// What `seen` leaves out makes no other tag.
    pub fn of<R: Into<T>>(stored: R, seen: impl FnOnce(&R) -> T) -> Self {
        let tag = Tag::of(&seen(&stored));
        let record = stored.into();
        Self { record, tag }
    }
}

impl<T: Serialize> IntoResponse for TaggedAs<T> {
    fn into_response(self) -> Response {
        let fresh = (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
        ([self.tag.header(), fresh], Json(self.record)).into_response()
    }
}

impl Preconditions {
    /// What they ask of a record, which a reader would get in the form that `representation` gives it.
    pub fn of<R: 'static, T: Serialize>(
        self,
        representation: impl FnOnce(&R) -> T + Send + 'static,
    ) -> Condition<R> {
        self.of_tag(move |record| Some(Tag::of(&representation(record))))
    }

    /// What they ask of something that has a tag, if it is there.
    pub fn of_tag<R: 'static>(
        self,
        tag: impl FnOnce(&R) -> Option<Tag> + Send + 'static,
    ) -> Condition<R> {
        if self.matching.is_none() && self.differing.is_none() {
            return Condition::none();
        }
        Condition::that(move |record| {
            let tag = tag(record);
            let tag = tag.as_ref();
            let matches = |tags: Tags| tags.have_strong(tag);
            let differs = |tags: Tags| !tags.have(tag);
            self.matching.is_none_or(matches) && self.differing.is_none_or(differs)
        })
    }
}

impl Tags {
    /// What a header says, if it is there. Several lines of it are one list.
    fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Problem> {
        let mut found = None;
        for value in headers.get_all(name) {
            let tags = value.to_str().ok().and_then(Self::parse);
            let tags = tags.ok_or_else(|| malformed(name))?;
            found = Some(match (found, tags) {
                (None, tags) => tags,
                (Some(Self::Of(mut before)), Self::Of(more)) => {
                    before.extend(more);
                    Self::Of(before)
                }
                (Some(_), _) => return Err(malformed(name)),
            });
        }
        Ok(found)
    }

    fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = text.trim();
        loop {
            // Elements of a list may be empty (RFC 9110, 5.6.1).
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let opaque = rest.strip_prefix("W/");
            let quoted = opaque.unwrap_or(rest).strip_prefix('"')?;
            let (tag, after) = quoted.split_once('"')?;
            let is_tag = |byte: u8| byte == b'!' || (b'#'..=b'~').contains(&byte);
            let ends = after.trim_start_matches([' ', '\t']);
            if !tag.bytes().all(is_tag) || !(ends.is_empty() || ends.starts_with(',')) {
                return None;
            }
            tags.push((format!("\"{tag}\""), opaque.is_some()));
            rest = after;
        }
        (!tags.is_empty()).then_some(Self::Of(tags))
    }

    /// Whether the strong tag is among them, as `If-Match` compares.
    fn have_strong(&self, tag: Option<&Tag>) -> bool {
        let Some(Tag(wanted)) = tag else {
            return false;
        };
        match self {
            Self::Any => true,
            Self::Of(tags) => tags.iter().any(|(tag, is_weak)| !is_weak && tag == wanted),
        }
    }

    /// Whether the tag is among them, weak or not, as `If-None-Match` compares.
    fn have(&self, tag: Option<&Tag>) -> bool {
        let Some(Tag(wanted)) = tag else {
            return false;
        };
        match self {
            Self::Any => true,
            Self::Of(tags) => tags.iter().any(|(tag, _)| tag == wanted),
        }
    }
}

fn malformed(name: &HeaderName) -> Problem {
    let detail = format!("`{name}` is `*` or a list of entity tags such as `\"xyzzy\"`");
    Problem::new(Kind::MalformedRequest, &detail).with_error(name.as_str(), detail)
}

impl<S: Send + Sync> FromRequestParts<S> for Preconditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self {
            matching: Tags::of(&parts.headers, &header::IF_MATCH)?,
            differing: Tags::of(&parts.headers, &header::IF_NONE_MATCH)?,
        })
    }
}

/// Over all routes: answers readers who have the representation already with 304 and without it.
pub async fn unmodified(request: Request, next: Next) -> Result<Response, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(next.run(request).await);
    }
    let known = Tags::of(request.headers(), &header::IF_NONE_MATCH)?;
    let mut answer = next.run(request).await;
    let (Some(known), StatusCode::OK) = (known, answer.status()) else {
        return Ok(answer);
    };
    let tag = answer.headers().get(header::ETAG);
    let tag = tag.and_then(|tag| tag.to_str().ok());
    let tag = tag.map(|tag| Tag(tag.to_owned()));
    if !known.have(tag.as_ref()) {
        return Ok(answer);
    }
    let headers = std::mem::take(answer.headers_mut());
    let mut short = StatusCode::NOT_MODIFIED.into_response();
    for (name, value) in headers {
        let Some(name) = name else {
            continue;
        };
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            short.headers_mut().append(name, value);
        }
    }
    Ok(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Tags> {
        Tags::parse(text)
    }

    #[test]
    fn lists_of_tags_are_read_as_the_standard_writes_them() {
        let strong = |tag: &str| (format!("\"{tag}\""), false);
        assert_eq!(read("*"), Some(Tags::Any));
        assert_eq!(read("\"a\""), Some(Tags::Of(vec![strong("a")])));
        assert_eq!(
            read("\"a,b\", W/\"c\" ,\"\""),
            Some(Tags::Of(vec![
                strong("a,b"),
                ("\"c\"".to_owned(), true),
                strong(""),
            ]))
        );
        for wrong in [
            "",
            ",",
            "a",
            "\"a",
            "\"a\" \"b\"",
            "w/\"a\"",
            "*, \"a\"",
            "\"a b\"",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_weak_tag_never_matches_a_writer_and_tells_a_reader_that_nothing_is_new() {
        let tag = Tag("\"a\"".to_owned());
        let weak = read("W/\"a\"").unwrap();
        assert!(!weak.have_strong(Some(&tag)) && weak.have(Some(&tag)));
        assert!(Tags::Any.have_strong(Some(&tag)) && !Tags::Any.have_strong(None));
    }
}
