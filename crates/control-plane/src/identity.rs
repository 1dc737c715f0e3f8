//! Who asks: by a bearer token (RFC 6750), or by a session whose cookie a browser sends. Handlers find it among the
//! extensions of the request.

mod browser;
mod cookie;
mod visitor;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use portcullis_store::Author;

use crate::app::App;
use crate::app::role::Identity;
use crate::app::session::PresentSession;
use crate::bearer;
use crate::problem::{Kind, Problem};
use crate::request_id::RequestId;
use crate::requests::Asker;

pub use browser::{CSRF_HEADER, is_csrf_token, refuse_other_sites};
pub use cookie::{ended, opened, secret};
pub(crate) use cookie::{set, value};
pub use visitor::Came;

/// The author of whatever the request changes.
pub struct By(pub Author);

/// Who asks, and what they may do.
pub struct Asking(pub Identity);

/// Lets those pass who are known. What changes something and comes by a cookie has to come from a page of this control
/// plane besides.
pub async fn known_only(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    match identified(&app, &mut request).await {
        Ok(()) => {
            if let Some(identity) = request.extensions().get::<Identity>() {
                Asker::note_who(request.extensions(), &identity.who);
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn identified(app: &App, request: &mut Request) -> Result<(), Problem> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        let token = bearer::token(request.headers()).ok_or_else(bearer::no_token)?;
        let identity = app.identify(token).await?;
        let identity = identity.ok_or_else(|| {
            Problem::new(
                Kind::Unauthorized,
                "the token is not known here, or has expired",
            )
        })?;
        request.extensions_mut().insert(identity);
        return Ok(());
    }
    let Some(secret) = secret(request.headers(), app) else {
        return Err(bearer::no_token());
    };
    let present = app.present_session(&secret).await?;
    let present = present
        .ok_or_else(|| Problem::new(Kind::Unauthorized, "the session has ended: log in again"))?;
    if !is_safe(request.method()) {
        browser::refuse_forged(request.headers(), &secret, app)?;
    }
    request.extensions_mut().insert(present.identity.clone());
    request.extensions_mut().insert(present);
    Ok(())
}

/// Whether it changes nothing (RFC 9110 section 9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Asking(identity) = Asking::from_request_parts(parts, state).await?;
        let request_id = parts.extensions.get::<RequestId>();
        Ok(Self(
            identity.author(request_id.map(|RequestId(id)| id.clone())),
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let identity = parts.extensions.get::<Identity>().cloned();
        identity
            .map(Self)
            .ok_or_else(|| Problem::new(Kind::Unauthorized, "it is not known who asks"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PresentSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let present = parts.extensions.get::<Self>().cloned();
        present.ok_or_else(|| {
            Problem::new(
                Kind::NotFound,
                "the request comes by a token, and not by a session",
            )
        })
    }
}
