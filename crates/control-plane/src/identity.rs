//! Who asks, as handlers learn it: put there by the layer that lets operators pass.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use portcullis_store::{Author, Who};

use crate::problem::{Kind, Problem};
use crate::request_id::RequestId;

/// The author of whatever the request changes.
pub struct By(pub Author);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let who = parts.extensions.get::<Who>().cloned();
        let who =
            who.ok_or_else(|| Problem::new(Kind::Unauthorized, "it is not known who asks"))?;
        let request_id = parts.extensions.get::<RequestId>();
        Ok(Self(Author {
            who,
            request_id: request_id.map(|RequestId(id)| id.clone()),
        }))
    }
}
