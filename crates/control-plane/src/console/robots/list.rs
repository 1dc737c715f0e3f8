//! The tokens by which robots manage records.

use maud::{Markup, html};
use portcullis_store::RobotToken;

use super::path_of;
use crate::app::page::LONGEST;
use crate::app::{App, Refusal};
use crate::console::design::{Look, Tone, badge, link_button, time};

pub(in crate::console) async fn section(app: &App, now_ms: u64) -> Result<Markup, Refusal> {
    // There are never more of them than a page can have.
    let tokens = app.robot_tokens(None, LONGEST).await?.items;
    Ok(html! {
        section.section aria-labelledby="tokens" {
            header { h2 #tokens { "Tokens of robots" } (link_button(Look::Usual, "/console/tokens/new", "New token")) }
            @if tokens.is_empty() {
                p { "There is none. Robots, such as a deployment pipeline, manage records over REST by tokens of their own." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Tokens of robots" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Token" } th scope="col" { "Role" } th scope="col" { "Good for" }
                                th scope="col" { "Last used" } th scope="col" { "Ends" }
                                th scope="col" { span.hidden { "Actions" } }
                            }
                        }
                        tbody { @for token in &tokens { (line(token, now_ms)) } }
                    }
                }
            }
        }
    })
}

fn line(token: &RobotToken, now_ms: u64) -> Markup {
    let path = path_of(token.id);
    html! {
        tr {
            th scope="row" {
                a href={ (path) "/edit" } { span.name { (token.name) } }
                @if let Some(description) = &token.description { span.description { (description) } }
            }
            td { (token.role.as_text()) }
            td {
                @match &token.resources {
                    Some(resources) => (resources.join(", ")),
                    None => "all that its role permits",
                }
            }
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
            td { (link_button(Look::Grave, &format!("{path}/withdraw"), "Withdraw…")) }
        }
    }
}
