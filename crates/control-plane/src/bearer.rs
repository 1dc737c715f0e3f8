//! Who asks: the bearer token (RFC 6750) of a request, looked up by its digest before anything else is done.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use portcullis_store::TokenKind;

use crate::app::App;
use crate::problem::{Kind, Problem};

/// Lets operators pass.
pub async fn operators_only(app: State<Arc<App>>, request: Request, next: Next) -> Response {
    only(TokenKind::Operator, &app, request, next).await
}

/// Lets gateways pass.
pub async fn gateways_only(app: State<Arc<App>>, request: Request, next: Next) -> Response {
    only(TokenKind::Gateway, &app, request, next).await
}

async fn only(kind: TokenKind, app: &App, request: Request, next: Next) -> Response {
    let refusal = match token(request.headers()) {
        None => Problem::new(
            Kind::Unauthorized,
            "the request has no `authorization: Bearer` header",
        ),
        Some(token) => match app.accepts(kind, token).await {
            Ok(true) => return next.run(request).await,
            Ok(false) => Problem::new(Kind::Unauthorized, "the token is not known here"),
            Err(refusal) => Problem::from(refusal),
        },
    };
    refusal.into_response()
}

/// The token, where there is exactly one.
fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
        .filter(|token| !token.is_empty())
}
