//! The pictures of clients, by their content: browsers keep them. They are shown as pictures alone, never as part of a page.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use portcullis_engine::api_key::digest;
use portcullis_feed::ClientId;
use portcullis_store::LogoKind;

use crate::api::logos::CONTENT_POLICY;
use crate::app::App;
use crate::problem::{Kind, Problem};

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let nothing = || Problem::new(Kind::NotFound, "there is no such picture");
    let id: ClientId = id.parse().map_err(|_| nothing())?;
    let logo = app.logo(id).await?;
    if digest(&logo.content).to_string() != name {
        return Err(nothing());
    }
    let kind = match logo.kind {
        LogoKind::Png => "image/png",
        LogoKind::Jpeg => "image/jpeg",
        LogoKind::Svg => "image/svg+xml",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(CONTENT_POLICY),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=31536000, immutable"),
        ),
    ];
    Ok((headers, logo.content).into_response())
}
