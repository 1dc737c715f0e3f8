//! What pages load: one style sheet and one script, out of the binary. Their URLs name their content, so browsers keep them.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use portcullis_engine::api_key::digest;

use crate::api::tag;
use crate::app::App;

/// A file that is the same for all.
pub(super) struct Asset {
    /// Where it is.
    pub(super) path: &'static str,
    content_type: &'static str,
    content: &'static str,
    digest: OnceLock<String>,
}

/// How pages look.
pub(super) static STYLE: Asset = Asset {
    path: "/console/style.css",
    content_type: "text/css; charset=utf-8",
    content: concat!(
        include_str!("style/ground.css"),
        include_str!("style/frame.css"),
        include_str!("style/controls.css"),
        include_str!("style/forms.css"),
        include_str!("style/tables.css"),
        include_str!("style/charts.css"),
    ),
    digest: OnceLock::new(),
};

/// What makes pages quicker, where browsers run scripts.
pub(super) static SCRIPT: Asset = Asset {
    path: "/console/enhance.js",
    content_type: "text/javascript; charset=utf-8",
    content: include_str!("enhance.js"),
    digest: OnceLock::new(),
};

/// Both of them.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(STYLE.path, get(|query| STYLE.answer(query)))
        .route(SCRIPT.path, get(|query| SCRIPT.answer(query)))
        .route_layer(from_fn(tag::unmodified))
}

impl Asset {
    /// Where pages load it from.
    pub(super) fn url(&self) -> String {
        format!("{}?{}", self.path, self.digest())
    }

    /// The file, to be kept for as long as its URL names this content.
    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    pub(super) async fn answer(&self, RawQuery(query): RawQuery) -> Response {
        let is_named = query.is_some_and(|query| query == self.digest());
        let kept = if is_named {
            "public, max-age=31536000, immutable"
        } else {
            "public, no-cache"
        };
        let tag = format!("\"{}\"", self.digest());
        let mut response = self.content.into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let digest = digest(self.content.as_bytes()).to_string();
            digest.chars().take(20).collect()
        })
    }
}
