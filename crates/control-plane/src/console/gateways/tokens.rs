//! The tokens by which gateways come, below the gateways.

use maud::{Markup, html};
use portcullis_store::Role::Admin;
use portcullis_store::{
    Direction, GatewayToken, GatewayTokenFilter, GatewayTokenKey, TokenSource, Window,
};

use crate::app::page::LONGEST;
use crate::app::{App, Refusal};
use crate::console::design::{Look, Tone, badge, link_button, time};
use crate::console::frame::Frame;

pub(super) async fn section(app: &App, frame: &Frame) -> Result<Markup, Refusal> {
    let by_name = Window {
        order: vec![(GatewayTokenKey::Name, Direction::Ascending)],
        after: None,
        // There are never more of them.
        limit: LONGEST,
    };
    let all = GatewayTokenFilter::default();
    let tokens = app.gateway_tokens(&all, &by_name).await?.items;
    let now_ms = app.now_ms();
    Ok(html! {
        section.section aria-labelledby="tokens" {
            header {
                h2 #tokens { "Tokens of gateways" }
                @if frame.may(Admin) { (link_button(Look::Usual, "/console/gateway-tokens/new", "New token")) }
            }
            p.quiet { "Any number of gateways may come by one token. With one for each, a single gateway can be shut out." }
            div.scroll tabindex="0" role="region" aria-label="Tokens of gateways" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Token" } th scope="col" { "From" } th scope="col" { "Made" }
                            th scope="col" { "Last used" } th scope="col" { "Ends" }
                            @if frame.may(Admin) { th scope="col" { span.hidden { "Actions" } } }
                        }
                    }
                    tbody { @for token in &tokens { (line(frame, token, now_ms)) } }
                }
            }
        }
    })
}

fn line(frame: &Frame, token: &GatewayToken, now_ms: u64) -> Markup {
    let source = match token.source {
        TokenSource::Environment => "the environment",
        TokenSource::Generated => "the first start",
        TokenSource::Made => "an operator",
    };
    html! {
        tr {
            th scope="row" {
                span.name { (token.name) }
                @if let Some(description) = &token.description { span.description { (description) } }
            }
            td { (source) }
            td { (time(token.created_at_ms, now_ms)) }
            td {
                @match token.last_used_at_ms {
                    Some(at_ms) => (time(at_ms, now_ms)),
                    None => span.nothing { "never" },
                }
            }
            td {
                @match token.expires_at_ms {
                    Some(at_ms) => { (time(at_ms, now_ms)) @if at_ms <= now_ms { " " (badge(Tone::Refusal, "over")) } }
                    None => span.nothing { "never" },
                }
            }
            @if frame.may(Admin) {
                td {
                    @if token.source != TokenSource::Environment {
                        (link_button(Look::Grave, &format!("/console/gateway-tokens/{}/withdraw", token.id), "Withdraw…"))
                    }
                }
            }
        }
    }
}
