//! A collection: what it consists of, and who has access to it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::CollectionId;
use portcullis_store::Collection;
use serde::{Deserialize, Serialize};

use super::{endpoints, path_of, title};
use crate::api::asked::Named;
use crate::api::query::ListQuery;
use crate::app::App;
use crate::console::asked::Wanted;
use crate::console::design::{Look, heading, link_button, time};
use crate::console::frame::{Frame, Section};
use crate::console::grants;
use crate::problem::Problem;

/// Which part of a collection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct PartWanted {
    from: Option<usize>,
    cursor: Option<String>,
}

impl ListQuery for PartWanted {
    fn limit(&self) -> Option<u32> {
        Some(grants::ON_PAGE)
    }

    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    fn sort(&self) -> Option<&str> {
        Some("name")
    }
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<CollectionId>,
    Wanted(wanted): Wanted<PartWanted>,
) -> Result<Response, Problem> {
    let collection = app.collection(id).await?;
    let who = grants::granting(&app, &frame, id, &wanted).await?;
    let title = title(&collection);
    let content = html! {
        (head(&frame, &collection, &title))
        (facts(&collection, app.now_ms()))
        (endpoints::table(&frame, &collection, wanted.from.unwrap_or(0)))
        section.section aria-labelledby="access" {
            header { h2 #access { "Who has access" } }
            @if collection.public {
                p { "Anybody, without a credential. Those who present one are told apart all the same." }
            }
            @match who {
                Some(table) => (table),
                None => p { "No access profile grants it." },
            }
        }
    };
    Ok(frame.page(Section::Collections, &title, &content))
}

fn head(frame: &Frame, collection: &Collection, title: &str) -> Markup {
    let path = path_of(collection.id);
    heading(
        title,
        &html! {
            @if frame.may_edit() {
                (link_button(Look::Usual, &format!("{path}/edit"), "Edit"))
                (link_button(Look::Usual, &format!("{path}/import"), "Import OpenAPI"))
                (link_button(Look::Grave, &format!("{path}/delete"), "Delete…"))
            }
        },
    )
}

fn facts(collection: &Collection, now_ms: u64) -> Markup {
    html! {
        div.section {
            @if let Some(description) = &collection.description { p { (description) } }
            @if collection.allows_dubious_paths {
                p { "Paths pass that some services read in another way than Envoy does." }
            }
            p.small.quiet {
                code { (collection.id) } " · made " (time(collection.created_at_ms, now_ms))
                " · changed " (time(collection.updated_at_ms, now_ms))
            }
        }
    }
}
