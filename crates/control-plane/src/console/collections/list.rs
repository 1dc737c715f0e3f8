//! All collections: what each consists of, how many may use it, and how much it is called.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::CollectionId;
use portcullis_store::{Collection, CollectionFilter, UsageGroup};
use serde::{Deserialize, Serialize};

use super::{path_of, title};
use crate::api::answer::Listed;
use crate::api::listing::window;
use crate::api::query::ListQuery;
use crate::app::App;
use crate::app::text::NamePart;
use crate::app::usage::Day;
use crate::console::asked::Wanted;
use crate::console::design::{
    Field, Filled, Look, Tone, badge, choice, day_cells, day_heads, empty, heading, link_button,
    or_dash, pagination, submit, time,
};
use crate::console::frame::{Frame, Section};
use crate::problem::Problem;

/// How many collections a page has.
const ON_PAGE: u32 = 50;

/// Which collections.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct CollectionsWanted {
    name: Option<NamePart>,
    public: Option<bool>,
    sort: Option<String>,
    cursor: Option<String>,
}

impl ListQuery for CollectionsWanted {
    fn limit(&self) -> Option<u32> {
        Some(ON_PAGE)
    }

    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    fn sort(&self) -> Option<&str> {
        Some(self.sort.as_deref().unwrap_or("name,version"))
    }
}

impl CollectionsWanted {
    const fn is_narrow(&self) -> bool {
        self.name.is_some() || self.public.is_some()
    }

    fn name(&self) -> String {
        self.name.clone().map(String::from).unwrap_or_default()
    }
}

/// What is known of the collections of a page besides themselves.
struct Around {
    days: HashMap<String, Day>,
    profiles: Arc<HashMap<CollectionId, u64>>,
    now_ms: u64,
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(wanted): Wanted<CollectionsWanted>,
) -> Result<Response, Problem> {
    let filter = CollectionFilter {
        name: wanted.name.clone().map(String::from),
        version: None,
        public: wanted.public,
    };
    let page = app.collections(&filter, &window(&wanted)?).await?;
    let listed = Listed::of(page, &wanted, |collection| collection);
    let ids: Vec<CollectionId> = listed.items.iter().map(|it| it.id).collect();
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let around = Around {
        days: app.usage_of_day(UsageGroup::Collection, &names).await?,
        profiles: app.granting_counts_lately(ids).await?,
        now_ms: app.now_ms(),
    };
    let content = html! {
        (heading("Collections", &html! {
            @if frame.may_edit() {
                (link_button(Look::Usual, "/console/collections/import", "Import OpenAPI"))
                a.button.main href="/console/collections/new" data-new { "New collection" }
            }
        }))
        (filters(&wanted))
        @if listed.items.is_empty() {
            (nothing(&frame, &wanted))
        } @else {
            (table(&listed.items, &around))
            (pagination(&frame.path, listed.next_cursor.as_deref()))
        }
    };
    Ok(frame.page(Section::Collections, "Collections", &content))
}

fn filters(wanted: &CollectionsWanted) -> Markup {
    let public = wanted.public.map(|public| public.to_string());
    let filled = Filled::with(&[
        ("name", &wanted.name()),
        ("public", public.as_deref().unwrap_or_default()),
        ("sort", wanted.sort.as_deref().unwrap_or("name,version")),
    ]);
    html! {
        form.filters method="get" action="/console/collections" role="search" aria-label="Collections" {
            (Field { name: "name", label: "Name", longest: 100, ..Field::default() }.filter_text("search", &filled))
            (Field { name: "public", label: "Who may call", ..Field::default() }.filter(&filled, &[
                choice("", "any"), choice("false", "with a credential"), choice("true", "anybody"),
            ]))
            (Field { name: "sort", label: "Order", ..Field::default() }.filter(&filled, &[
                choice("name,version", "by name"), choice("-created_at", "newest first"),
                choice("-updated_at", "changed last"),
            ]))
            (submit(Look::Usual, "Apply"))
            @if wanted.is_narrow() { a href="/console/collections" { "All collections" } }
        }
    }
}

fn nothing(frame: &Frame, wanted: &CollectionsWanted) -> Markup {
    if wanted.is_narrow() {
        return empty(
            "No collection fits.",
            &html! { p { a href="/console/collections" { "Show all collections" } } },
        );
    }
    let text = "There is no collection yet. A collection is what access profiles grant: a named, versioned group of \
                endpoints.";
    empty(
        text,
        &html! {
            @if frame.may_edit() {
                div.actions {
                    (link_button(Look::Main, "/console/collections/import", "Import an OpenAPI document"))
                    (link_button(Look::Usual, "/console/collections/new", "Write one"))
                }
            }
        },
    )
}

fn table(collections: &[Collection], around: &Around) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Collections" {
            table data-rows {
                thead {
                    tr {
                        th scope="col" { "Collection" }
                        th.figure scope="col" { "Endpoints" }
                        th.figure scope="col" { "Profiles with access" }
                        (day_heads())
                        th scope="col" { "Changed" }
                    }
                }
                tbody { @for collection in collections { (line(collection, around)) } }
            }
        }
    }
}

fn line(collection: &Collection, around: &Around) -> Markup {
    let day = around.days.get(&collection.id.to_string()).cloned();
    let endpoints = u64::try_from(collection.endpoints.len()).unwrap_or(u64::MAX);
    html! {
        tr {
            th scope="row" {
                a.named href=(path_of(collection.id)) {
                    span {
                        span.name { (title(collection)) }
                        @if let Some(description) = &collection.description {
                            span.description { (description.lines().next().unwrap_or_default()) }
                        }
                    }
                    @if collection.public { (badge(Tone::Neutral, "anybody")) }
                }
            }
            td.figure { (or_dash(endpoints)) }
            td.figure { (or_dash(around.profiles.get(&collection.id).copied().unwrap_or_default())) }
            (day_cells(&day.unwrap_or_default()))
            td { (time(collection.updated_at_ms, around.now_ms)) }
        }
    }
}
