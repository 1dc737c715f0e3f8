//! From where somebody comes who logs in.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;

use crate::app::App;
use crate::app::session::Visitor;
use crate::request_id::RequestId;

/// From where a request comes.
pub struct Came(pub Visitor);

impl FromRequestParts<Arc<App>> for Came {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let user_agent = parts.headers.get(header::USER_AGENT);
        let user_agent = user_agent.and_then(|said| said.to_str().ok());
        let request_id = parts.extensions.get::<RequestId>();
        let session = match super::secret(&parts.headers, app) {
            Some(secret) => app.present_session(&secret).await.ok().flatten(),
            None => None,
        };
        Ok(Self(Visitor {
            address: peer.map(|ConnectInfo(peer)| peer.ip().to_canonical()),
            user_agent: user_agent.map(str::to_owned),
            request_id: request_id.map(|RequestId(id)| id.clone()),
            session: session.map(|present| present.session.id),
        }))
    }
}
