//! The slider of an endpoint: a disabled one answers as if it did not exist.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_feed::{CollectionId, Endpoint};
use serde::Deserialize;
use url::form_urlencoded;

use super::path_of;
use crate::api::asked::Named;
use crate::app::App;
use crate::app::collection::written;
use crate::console::asked::Wanted;
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::settled::{switched, wanted};
use crate::identity::By;
use crate::problem::Problem;

/// Which endpoint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct EndpointWanted {
    host: Option<String>,
    method: String,
    path: String,
}

/// Where the slider of an endpoint is sent.
pub(super) fn action(id: CollectionId, endpoint: &Endpoint) -> String {
    let host = endpoint.host.as_deref();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(host.map(|host| ("host", host)))
        .append_pair("method", &endpoint.method)
        .append_pair("path", &endpoint.path)
        .finish();
    format!("{}/enabled?{query}", path_of(id))
}

pub(in crate::console) async fn set(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<CollectionId>,
    named: Result<Wanted<EndpointWanted>, Problem>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Wanted(named) = named?;
    let endpoint = Endpoint {
        host: named.host,
        method: named.method,
        path: named.path,
        enabled: wanted(&sent)?,
    };
    let changed = app.enable_endpoint(&author, id, &endpoint).await?;
    let (name, action) = (written(&endpoint), action(id, &endpoint));
    Ok(switched(&app, &frame, &sent, &name, &action, changed.revision).await)
}
