//! The keys that sign what gateways are told.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_store::Role::Admin;

use super::PATH;
use crate::app::App;
use crate::app::Committed;
use crate::app::feed_key::KnownFeedKey;
use crate::console::design::{Look, link_button, or_dash, secret, submit, time};
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::notice::Notice;
use crate::console::once::{self, once};
use crate::console::settled::done;
use crate::identity::By;
use crate::problem::Problem;

pub(super) fn section(app: &App, frame: &Frame) -> Markup {
    let keys = app.feed_keys();
    let now_ms = app.now_ms();
    html! {
        section.section aria-labelledby="feed-keys" {
            header {
                h2 #feed-keys { "Feed keys" }
                @if frame.may(Admin) {
                    form method="post" action="/console/feed-keys/new" {
                        (frame.token()) (once::name(app))
                        (submit(Look::Usual, "New feed key"))
                    }
                }
            }
            p.quiet {
                "Each of them signs every answer to gateways, which believe those that they are given. To replace one, make \
                 another, let all gateways believe it, and remove the older."
            }
            div.scroll tabindex="0" role="region" aria-label="Feed keys" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Key" } th scope="col" { "What gateways are given" } th scope="col" { "Made" }
                            th.figure scope="col" { "Believed by" } th.figure scope="col" { "Relied on by" }
                            th scope="col" { span.hidden { "Actions" } }
                        }
                    }
                    tbody { @for key in &keys { (line(key, now_ms)) } }
                }
            }
        }
    }
}

fn line(key: &KnownFeedKey, now_ms: u64) -> Markup {
    let id = key.public.id().to_string();
    let count = |number: usize| or_dash(u64::try_from(number).unwrap_or(u64::MAX));
    html! {
        tr {
            th scope="row" { code { (id) } }
            td { (secret(&format!("feed-key-{id}"), &key.public.to_string())) }
            td {
                @match key.created_at_ms {
                    Some(at_ms) => (time(at_ms, now_ms)),
                    None => "from the environment",
                }
            }
            td.figure { (count(key.believers.count)) }
            td.figure { (count(key.believers.relying.len())) }
            td {
                @if key.created_at_ms.is_some() {
                    (link_button(Look::Grave, &format!("/console/feed-keys/{id}/remove"), "Remove…"))
                }
            }
        }
    }
}

pub(in crate::console) async fn make(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    let once = once(&frame, &sent, |made: Committed<KnownFeedKey>| {
        made.record.public.id().to_string()
    });
    let id = app.create_feed_key(&author, once).await?;
    let text = format!("The feed key {id} signs every answer from now on: give it to all gateways");
    Ok(done(&app, &frame, PATH, &Notice::of(text)))
}
