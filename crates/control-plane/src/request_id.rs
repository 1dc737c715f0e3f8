//! The id of each request: what its caller calls it, or a new one. The answer tells it, and the audit keeps it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;

/// Where callers say it, and answers too.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// How long a caller's may be.
const LONGEST: usize = 100;

/// The id of a request, among its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

impl RequestId {
    /// What a caller calls its request: 1 to 100 letters, digits, dots, dashes, colons and underscores, so that it can
    /// stand in logs and files as it is.
    #[must_use]
    pub fn chosen(text: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let is_id = (1..=LONGEST).contains(&text.len()) && text.chars().all(is_plain);
        is_id.then(|| Self(text.to_owned()))
    }
}

/// Gives each request its id, and tells it with the answer.
pub async fn identified(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let mut said = request.headers().get_all(HEADER).iter();
    let chosen = match (said.next(), said.next()) {
        (Some(said), None) => said.to_str().ok().and_then(RequestId::chosen),
        _ => None,
    };
    let id = chosen.unwrap_or_else(|| RequestId(app.new_request_id()));
    let told = HeaderValue::from_str(&id.0);
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    if let Ok(told) = told {
        response.headers_mut().insert(HEADER, told);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_stand_anywhere_is_an_id() {
        for text in ["a", "3f2c-9_1.x:7", &"x".repeat(100)] {
            assert_eq!(RequestId::chosen(text), Some(RequestId(text.into())));
        }
        for text in ["", "a b", "a\nb", "=1+1,", "ü", &"x".repeat(101)] {
            assert_eq!(RequestId::chosen(text), None, "{text}");
        }
    }
}
