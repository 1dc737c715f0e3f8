//! Withdraws a token of gateways, after saying who comes by it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::GatewayTokenId;
use portcullis_store::GatewayToken;

use super::PATH;
use crate::api;
use crate::api::asked::Named;
use crate::api::tag::Tag;
use crate::app::App;
use crate::app::gateway::GatewayState;
use crate::app::page::LONGEST;
use crate::console::condition::{TAG, unchanged};
use crate::console::design::{Confirmation, confirmation, plural, time};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::done;
use crate::identity::By;
use crate::problem::Problem;

/// A token as it is told, without what becomes different by itself.
fn seen(token: &GatewayToken) -> api::gateway_tokens::GatewayToken {
    GatewayToken {
        last_used_at_ms: None,
        ..token.clone()
    }
    .into()
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<GatewayTokenId>,
) -> Result<Response, Problem> {
    Ok(page(
        &app,
        &frame,
        StatusCode::OK,
        &app.gateway_token(id).await?,
    ))
}

pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    id: Result<Named<GatewayTokenId>, Problem>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Named(id) = id?;
    let token = app.gateway_token(id).await?;
    let condition = unchanged(&sent, seen);
    app.delete_gateway_token(&author, id, condition).await?;
    let text = format!("{} is withdrawn: nobody comes by it any more", token.name);
    Ok(done(&app, &frame, PATH, &Notice::of(text)))
}

/// How many gateways that are not lost come by a token.
fn gateways_by(app: &App, id: GatewayTokenId) -> u64 {
    let by_it = app.gateways(None, None, LONGEST).items;
    let by_it = by_it
        .iter()
        .filter(|status| status.gateway.token.id == id && status.state != GatewayState::Lost);
    u64::try_from(by_it.count()).unwrap_or(u64::MAX)
}

fn page(app: &App, frame: &Frame, status: StatusCode, token: &GatewayToken) -> Response {
    let title = format!("Withdraw {}?", token.name);
    let gateways = gateways_by(app, token.id);
    let tag = Tag::of(&seen(token));
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: false,
            consequences: html! {
                @if gateways > 0 {
                    p {
                        strong { (plural(gateways, "gateway")) }
                        " by it now: they keep what they know, and learn nothing new until they have another token."
                    }
                } @else {
                    p { "No gateway comes by it now." }
                }
                @if let Some(at_ms) = token.last_used_at_ms { p { "It was used last " (time(at_ms, app.now_ms())) "." } }
            },
            action: &format!("/console/gateway-tokens/{}/withdraw", token.id),
            hidden: html! { input type="hidden" name=(TAG) value=(tag.as_str()); },
            button: "Withdraw it for good",
            cancel: PATH,
        },
    );
    frame.page_with(status, Section::Gateways, &title, &content)
}
