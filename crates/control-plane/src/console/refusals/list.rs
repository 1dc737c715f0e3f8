//! Refused requests, the newest first: a sample of them, which gateways tell. Each leads to why.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::CollectionId;
use portcullis_store::{Client, Refused};
use url::form_urlencoded;

use super::filters::{ON_PAGE, RefusalsWanted, filters};
use super::who::Who;
use crate::api::answer::Listed;
use crate::api::listing::after_name;
use crate::api::usage::Place;
use crate::app::App;
use crate::app::page::Page;
use crate::app::time::Moment;
use crate::console::asked::Wanted;
use crate::console::clients;
use crate::console::design::{Tone, badge, empty, heading, pagination, time};
use crate::console::frame::{Frame, Section};
use crate::console::profiles::choices::collections;
use crate::console::reason::{in_words, of_code};
use crate::problem::Problem;

/// What people call what refusals are about.
struct Names {
    /// Of clients and profiles.
    who: HashMap<String, String>,
    collections: HashMap<CollectionId, String>,
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(wanted): Wanted<RefusalsWanted>,
) -> Result<Response, Problem> {
    let who = match &wanted.who {
        Some(text) => Some(Who::of(&app, text.trim()).await?),
        None => None,
    };
    let filter = wanted.filter(who.as_ref())?;
    let before = after_name::<Place>(&wanted)?.map(Place::bounds);
    let page = match &who {
        Some(Who::Clients(_)) => Page {
            items: Vec::new(),
            next: None,
        },
        _ => app.refused(&filter, before, ON_PAGE).await?,
    };
    let granted: Vec<_> = page
        .items
        .iter()
        .filter_map(|refused| refused.sample.collection)
        .collect();
    let names = Names {
        who: app.names_of_refused(&page.items).await?,
        collections: app.names_granted(&granted, &[]).await?.collections,
    };
    let listed = Listed::of(page, &wanted, |refused| refused);
    let content = html! {
        (heading("Refusals", &html! {
            a.button href="/console/explain" { "Explain a request" }
        }))
        p.quiet { "A sample of the refused requests, the newest first. All of them are counted." }
        (filters(&wanted, collections(&app).await?))
        @match (&who, &*listed.items) {
            (Some(Who::Clients(clients)), _) => (offered(&wanted, clients)),
            (_, []) => (nothing(&wanted)),
            (_, refusals) => {
                (table(refusals, &names, app.now_ms()))
                (pagination(&frame.path, listed.next_cursor.as_deref()))
            }
        }
    };
    Ok(frame.page(Section::Refusals, "Refusals", &content))
}

/// What stands where a name fits none of the clients, or several.
fn offered(wanted: &RefusalsWanted, clients: &[Client]) -> Markup {
    let name = wanted.who.as_deref().unwrap_or_default();
    html! {
        @if clients.is_empty() {
            (empty(&format!("No client, profile or key is called “{name}”."), &html! {
                p { a href="/console/refusals" { "Show all refusals" } }
            }))
        } @else {
            div.section {
                p { "Several clients are called so. Which one?" }
                ul {
                    @for client in clients {
                        li { a href={ "/console/refusals?client=" (client.id) } { (client.name) } }
                    }
                }
            }
        }
    }
}

fn nothing(wanted: &RefusalsWanted) -> Markup {
    if wanted.is_narrow() {
        let all = html! { p { a href="/console/refusals" { "Show all refusals" } } };
        return empty("No refusal fits.", &all);
    }
    empty(
        "Nothing was refused lately. What gateways refuse is seen here within about ten seconds.",
        &html! {},
    )
}

fn table(refusals: &[Refused], names: &Names, now_ms: u64) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Refusals" {
            table data-rows {
                thead {
                    tr {
                        th scope="col" { "When" } th scope="col" { "Reason" } th scope="col" { "Request" }
                        th scope="col" { "From" } th scope="col" { "Client" } th scope="col" { "Key" }
                        th scope="col" { span.hidden { "Why" } }
                    }
                }
                tbody { @for refused in refusals { (line(refused, names, now_ms)) } }
            }
        }
    }
}

fn line(refused: &Refused, names: &Names, now_ms: u64) -> Markup {
    let sample = &refused.sample;
    let reason = of_code(&sample.reason).map(in_words);
    let collection = sample.collection.and_then(|id| names.collections.get(&id));
    html! {
        tr {
            td { (time(sample.at_ms, now_ms)) }
            td {
                (badge(Tone::Refusal, &sample.reason)) " " span.quiet.small { (sample.status) }
                @if let Some(reason) = reason { p.small.quiet { (reason) } }
            }
            th scope="row" {
                code { (sample.method) " " (sample.path) }
                @if let Some(collection) = collection { p.small.quiet { (collection) } }
            }
            td {
                @match &sample.address {
                    Some(address) => code { (address) },
                    None => span.nothing { "–" },
                }
            }
            td { (caller(refused, names)) }
            td {
                @match &sample.key_id {
                    Some(key) => code { (key) "…" },
                    None => span.nothing { "–" },
                }
            }
            td { a href=(explain_path(refused)) { "why?" } }
        }
    }
}

fn caller(refused: &Refused, names: &Names) -> Markup {
    let profile = refused.sample.profile.map(|id| id.to_string());
    let profile = profile.and_then(|id| names.who.get(&id));
    html! {
        @match refused.client {
            Some(id) => {
                a href=(clients::path_of(id)) { (names.who.get(&id.to_string()).map_or("gone by now", String::as_str)) }
                @if let Some(profile) = profile { p.small.quiet { (profile) } }
            }
            None => span.nothing { "not known" },
        }
    }
}

/// Where it is explained, with what is known of it.
pub(in crate::console) fn explain_path(refused: &Refused) -> String {
    let sample = &refused.sample;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("method", &sample.method)
        .append_pair("url", &sample.path)
        .append_pair("at", &Moment::from_ms(sample.at_ms).to_string());
    if let Some(address) = &sample.address {
        query.append_pair("address", address);
    }
    match (&sample.key_id, sample.profile) {
        (Some(key), _) => drop(
            query
                .append_pair("credential", "key_id")
                .append_pair("id", key),
        ),
        (None, Some(profile)) => drop(
            query
                .append_pair("credential", "profile")
                .append_pair("id", &profile.to_string()),
        ),
        (None, None) => {}
    }
    query.append_pair("reason", &sample.reason);
    format!("/console/explain?{}", query.finish())
}
