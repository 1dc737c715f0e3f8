//! A new token for gateways, shown once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use serde_json::json;

use super::PATH;
use crate::app::gateway_token::{GatewayTokenDraft, NewGatewayToken};
use crate::app::{App, Committed, Refusal};
use crate::console::design::{Field, Filled, Look, heading, submit};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::moment::moment;
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::drafted;
use crate::console::token::{ShownToken, shown};
use crate::identity::By;
use crate::problem::Problem;

/// Where a token has what, and which field asks for it.
const POINTERS: [(&str, &str); 3] = [
    ("/name", "name"),
    ("/description", "description"),
    ("/expires_at", "expires_at"),
];

pub(in crate::console) async fn show(State(app): State<Arc<App>>, frame: Frame) -> Response {
    page(&app, &frame, StatusCode::OK, &Filled::default())
}

pub(in crate::console) async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let expires_at = moment(&sent, "expires_at", "/expires_at");
        let draft: GatewayTokenDraft = drafted(&json!({
            "name": sent.text("name"),
            "description": sent.given("description"),
            "expires_at": expires_at.map_err(|flaw| Refusal::Invalid(vec![flaw]))?,
        }))?;
        let once = once(&frame, &sent, |made: Committed<NewGatewayToken>| {
            let NewGatewayToken { token, record } = made.record;
            ShownToken {
                name: record.name,
                token,
            }
        });
        app.create_gateway_token(&author, once, draft).await
    };
    let made = match attempt.await {
        Ok(made) => made,
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            return Ok(page(&app, &frame, status, &filled));
        }
    };
    let how = html! {
        p { "Give it to Envoy in the environment variable " code { "PORTCULLIS_GATEWAY_TOKEN" } "." }
    };
    Ok(shown(&frame, Section::Gateways, &made, &how, PATH))
}

fn page(app: &App, frame: &Frame, status: StatusCode, filled: &Filled) -> Response {
    let title = "New token for gateways";
    let content = html! {
        (heading(title, &html! {}))
        form.form method="post" action="/console/gateway-tokens/new" {
            (frame.token()) (once::name(app))
            (filled.summary(&POINTERS))
            (Field { name: "name", label: "Name", pointer: "/name", longest: 100, is_required: true,
                hint: "Such as the place of the gateways that come by it.", ..Field::default() }.line(filled))
            (Field { name: "description", label: "Description", pointer: "/description", longest: 2_000, ..Field::default() }
                .area(filled, 2))
            (Field { name: "expires_at", label: "Ends (UTC)", pointer: "/expires_at", hint: "Never, when empty.",
                ..Field::default() }.input("datetime-local", filled))
            div.actions { (submit(Look::Main, "Make token")) a.button href=(PATH) { "Cancel" } }
        }
    };
    frame.page_with(status, Section::Gateways, title, &content)
}
