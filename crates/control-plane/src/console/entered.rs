//! What forms say: texts as they were typed, files, and what makes a form one of ours.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use portcullis_feed::Digest;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::pages::{HOME, is_page};
use crate::app::App;
use crate::identity::{is_csrf_token, secret};
use crate::problem::{Kind, Problem};

/// The form of a page of this session.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    fields: Vec<(String, String)>,
    files: Vec<(String, Bytes)>,
    digest: Digest,
}

impl Sent {
    /// What a field says: nothing, where it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        let found = fields.find(|(known, _)| known == name);
        found.map(|(_, text)| text.as_str()).unwrap_or_default()
    }

    /// What a field says without what surrounds it, if it says anything.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    /// All that is said by one name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let named = self.fields.iter().filter(move |(known, _)| known == name);
        named.map(|(_, text)| text.as_str())
    }

    /// The lines of a field that say anything.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        lines(self.text(name))
    }

    /// Whether a box is ticked, or a button was pressed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// A file that was chosen.
    pub(super) fn file(&self, name: &str) -> Option<&Bytes> {
        let mut files = self.files.iter().filter(|(known, _)| known == name);
        files
            .next()
            .map(|(_, content)| content)
            .filter(|content| !content.is_empty())
    }

    /// The page to go back to.
    pub(super) fn back(&self) -> &str {
        Some(self.text("back"))
            .filter(|path| is_page(path))
            .unwrap_or(HOME)
    }

    /// SHA-256 of all that was sent, and where: sent again, it is the same.
    pub(super) const fn digest(&self) -> Digest {
        self.digest
    }

    pub(super) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }
}

/// The lines of a text that say anything.
pub(super) fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

impl FromRequest<Arc<App>> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let secret = secret(request.headers(), app);
        let place = format!("{} {}\n", request.method(), request.uri());
        let (fields, files) = if is_multipart(request.headers()) {
            parts(request, app).await?
        } else {
            let bytes = Bytes::from_request(request, app).await;
            let bytes = bytes.map_err(|rejection| unread(rejection.status().as_u16()))?;
            (
                form_urlencoded::parse(&bytes).into_owned().collect(),
                Vec::new(),
            )
        };
        let mut digest = Sha256::new().chain_update(place);
        for (name, content) in texts(&fields).chain(files.iter().map(|(name, it)| (name, &it[..])))
        {
            digest.update(name.len().to_be_bytes());
            digest.update(name);
            digest.update(content.len().to_be_bytes());
            digest.update(content);
        }
        let sent = Self {
            fields,
            files,
            digest: Digest(digest.finalize().into()),
        };
        let repeated = sent.text("csrf_token").as_bytes();
        if secret.is_some_and(|secret| is_csrf_token(repeated, &secret)) {
            return Ok(sent);
        }
        let detail =
            "the form belongs to another session: open the page again, and send it from there";
        Err(Problem::new(Kind::Forbidden, detail))
    }
}

fn texts(fields: &[(String, String)]) -> impl Iterator<Item = (&String, &[u8])> {
    fields.iter().map(|(name, text)| (name, text.as_bytes()))
}

type Parts = (Vec<(String, String)>, Vec<(String, Bytes)>);

async fn parts(request: Request, app: &Arc<App>) -> Result<Parts, Problem> {
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    let multipart = Multipart::from_request(request, app).await;
    let mut multipart = multipart.map_err(|rejection| unread(rejection.status().as_u16()))?;
    while let Some(part) = multipart
        .next_field()
        .await
        .map_err(|error| unread(error.status().as_u16()))?
    {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        let content = part.bytes().await;
        let content = content.map_err(|error| unread(error.status().as_u16()))?;
        if is_file {
            files.push((name, content));
        } else {
            let text = String::from_utf8(content.into()).map_err(|_| unread(400))?;
            fields.push((name, text));
        }
    }
    Ok((fields, files))
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("multipart/form-data"))
}

fn unread(status: u16) -> Problem {
    if status == 413 {
        return Problem::new(
            Kind::BodyTooLarge,
            "the form is larger than this page takes",
        );
    }
    Problem::new(Kind::MalformedRequest, "the form cannot be read")
}
