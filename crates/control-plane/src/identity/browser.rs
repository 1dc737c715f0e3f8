//! Whether a request of a browser comes from a page of this control plane: pages of other sites can make browsers send
//! requests too, with our cookies.

use axum::http::{HeaderMap, HeaderName, header};
use portcullis_engine::api_key::digest;

use crate::app::App;
use crate::app::session::csrf_token;
use crate::problem::{Kind, Problem};

/// Where requests that change something repeat the token of their session.
pub const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what comes by a session without repeating its token, or from elsewhere.
pub(super) fn refuse_forged(headers: &HeaderMap, secret: &str, app: &App) -> Result<(), Problem> {
    refuse_other_sites(headers, app)?;
    let repeated = headers.get(CSRF_HEADER).map(|value| value.as_bytes());
    if repeated.is_some_and(|repeated| is_csrf_token(repeated, secret)) {
        return Ok(());
    }
    let detail = "a request that changes something and comes by a cookie repeats the `csrf_token` of its session in the \
                  header `x-csrf-token`";
    Err(Problem::new(Kind::Forbidden, detail))
}

/// Whether a text is what pages of a session repeat. Digests are compared, so that time tells nothing.
#[must_use]
pub fn is_csrf_token(text: &[u8], secret: &str) -> bool {
    digest(text) == digest(csrf_token(secret).as_bytes())
}

/// Refuses what a page of another site sent. Browsers say where a page is from in `Sec-Fetch-Site`, and in `Origin`.
///
/// # Errors
/// When it is not known to be from here.
pub fn refuse_other_sites(headers: &HeaderMap, app: &App) -> Result<(), Problem> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_ours = match (text(FETCH_SITE), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = text(header::HOST);
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            app.public_url().is_origin(origin) || authority.is_some_and(|at| Some(at) == host)
        }
        (None, None) => false,
    };
    if is_ours {
        return Ok(());
    }
    let detail = "a request of a browser has to come from a page of this control plane";
    Err(Problem::new(Kind::Forbidden, detail))
}
