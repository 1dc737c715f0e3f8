//! By which token a request comes: the bearer token (RFC 6750) of a request, looked up by its digest before anything else is done.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::requests::Asker;

/// Lets gateways pass, for as long as their token lasts: a request that is open when it ends is refused too. Those
/// behind find the name of the token among the extensions of the request.
pub async fn gateways_only(app: State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let Some(token) = token(request.headers()) else {
        return no_token().into_response();
    };
    let Some(mut admission) = app.admit(token) else {
        return refused("the token is not known here, or has expired");
    };
    Asker::note_gateway(request.extensions(), admission.token().id);
    request.extensions_mut().insert(admission.token().clone());
    let answer = tokio::select! {
        biased;
        () = admission.withdrawn() => return refused("the token was withdrawn"),
        answer = next.run(request) => answer,
    };
    if app.still_admits(&admission) {
        return answer;
    }
    refused("the token has expired")
}

/// What is wrong with a request that says nothing of who asks.
pub(crate) fn no_token() -> Problem {
    let detail = "the request has no `authorization: Bearer` header";
    Problem::new(Kind::Unauthorized, detail)
}

fn refused(detail: &str) -> Response {
    Problem::new(Kind::Unauthorized, detail).into_response()
}

/// The token, where there is exactly one.
pub(crate) fn token(headers: &HeaderMap) -> Option<&[u8]> {
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
