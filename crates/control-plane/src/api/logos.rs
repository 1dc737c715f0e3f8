//! `/clients/{id}/logo`: the pictures of clients.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use portcullis_engine::api_key::digest;
use portcullis_feed::ClientId;
use portcullis_store::{Logo, LogoKind};

use super::answer::{Edited, ReadRefusals, WriteRefusals};
use super::asked::{Named, body, has_content_type, of_another_type};
use super::clients::Client;
use super::tag::{Preconditions, ReadHeaders, Tag, WriteHeaders};
use crate::app::App;
use crate::identity::By;
use crate::problem::Problem;

/// What browsers may do with a logo that somebody opens as a page: show it, and nothing else.
pub const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

const TYPES: [&str; 3] = ["image/png", "image/jpeg", "image/svg+xml"];

/// A picture in the body.
pub struct Picture(Bytes);

impl<S: Send + Sync> FromRequest<S> for Picture {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !has_content_type(request.headers(), &TYPES) {
            return Err(of_another_type(&TYPES));
        }
        body(request, state).await.map(Self)
    }
}

/// Shows the logo of a client
///
/// As it is kept: pixels are decoded and written anew, and of a drawing only what draws is left.
#[utoipa::path(get, path = "/clients/{id}/logo", operation_id = "read_client_logo", tag = "clients",
    params(("id" = String, Path, description = "The identifier of the client."), ReadHeaders),
    responses((status = 200, description = "The picture.", content(
            (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/svg+xml"))),
        ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Named(id): Named<ClientId>,
) -> Result<Response, Problem> {
    let logo = app.logo(id).await?;
    let kind = match logo.kind {
        LogoKind::Png => "image/png",
        LogoKind::Jpeg => "image/jpeg",
        LogoKind::Svg => "image/svg+xml",
    };
    let headers = [
        tag(&logo).header(),
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(CONTENT_POLICY),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
    ];
    Ok((headers, logo.content).into_response())
}

/// Gives a client a logo
///
/// In place of the one that it had: a PNG, a JPEG or an SVG of at most 256 KiB and 4,096 pixels on each side. What it is
/// is seen from its content. Pictures of more than 512 pixels are made smaller. `If-Match` is about the logo.
#[utoipa::path(put, path = "/clients/{id}/logo", operation_id = "put_client_logo", tag = "clients",
    params(("id" = String, Path, description = "The identifier of the client."), WriteHeaders),
    request_body(content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/svg+xml"))),
    responses((status = 200, description = "The client.", body = Edited<Client>), WriteRefusals))]
pub async fn put(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ClientId>,
    preconditions: Preconditions,
    Picture(content): Picture,
) -> Result<Edited<Client>, Problem> {
    let condition = preconditions.of_tag(seen);
    let changed = app.put_logo(&author, id, condition, content.into()).await?;
    Ok(Edited::of(changed, Client::from))
}

/// Takes the logo of a client away
#[utoipa::path(delete, path = "/clients/{id}/logo", operation_id = "delete_client_logo", tag = "clients",
    params(("id" = String, Path, description = "The identifier of the client."), WriteHeaders),
    responses((status = 200, description = "The client.", body = Edited<Client>), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(author): By,
    Named(id): Named<ClientId>,
    preconditions: Preconditions,
) -> Result<Edited<Client>, Problem> {
    let condition = preconditions.of_tag(seen);
    let changed = app.delete_logo(&author, id, condition).await?;
    Ok(Edited::of(changed, Client::from))
}

/// The tag of a logo, if there is one.
fn seen(logo: &Option<Logo>) -> Option<Tag> {
    logo.as_ref().map(tag)
}

fn tag(logo: &Logo) -> Tag {
    Tag::of_digest(digest(&logo.content))
}
