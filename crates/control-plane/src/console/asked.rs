//! What the address of a page asks for. A form leaves parameters empty that it has nothing to say about: they are as if they
//! were not there.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::problem::{Kind, Problem};

/// The parameters of a page.
pub(super) struct Wanted<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Wanted<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        let said = pairs.filter(|(_, value)| !value.trim().is_empty());
        let said = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(said)
            .finish();
        let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(said.as_bytes()));
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| {
                let detail = format!(
                    "the address of this page is wrong at `{}`: {}",
                    error.path(),
                    error.inner()
                );
                Problem::new(Kind::MalformedRequest, detail)
            })
    }
}
