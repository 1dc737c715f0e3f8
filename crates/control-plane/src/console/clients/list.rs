//! All clients: found by name, key or address, with the last day of each that is on the page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::{ClientId, CollectionId};
use portcullis_store::{Client, ClientFilter, GrantFilter, LastUse, UsageGroup};
use serde::{Deserialize, Serialize};

use super::path_of;
use crate::api::answer::Listed;
use crate::api::listing::window;
use crate::api::query::ListQuery;
use crate::app::App;
use crate::app::page::Page;
use crate::app::usage::Day;
use crate::console::asked::Wanted;
use crate::console::design::{
    Choice, Field, Filled, Look, Slider, choice, day_cells, day_heads, empty, heading, link_button,
    minute, or_dash, pagination, picture, slider, submit,
};
use crate::console::frame::{Frame, Section};
use crate::console::profiles::choices::collections;
use crate::console::search::Search;
use crate::problem::{Kind, Problem};

/// How many clients a page has.
const ON_PAGE: u32 = 50;

/// Which clients.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct ClientsWanted {
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<String>,
    enabled: Option<bool>,
    collection: Option<CollectionId>,
    sort: Option<String>,
    cursor: Option<String>,
}

/// A client with what is seen of it in the list.
struct Row {
    client: Client,
    profiles: u64,
    last_used_ms: Option<u64>,
    day: Day,
}

impl ListQuery for ClientsWanted {
    fn limit(&self) -> Option<u32> {
        Some(ON_PAGE)
    }

    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    fn sort(&self) -> Option<&str> {
        Some(self.sort.as_deref().unwrap_or("name"))
    }
}

impl ClientsWanted {
    fn filter(&self, search: Option<Search>) -> ClientFilter {
        let mut filter = ClientFilter {
            enabled: self.enabled,
            profile: GrantFilter {
                collection_id: self.collection,
                ..GrantFilter::default()
            },
            ..ClientFilter::default()
        };
        if let Some(search) = search {
            search.add_to(&mut filter);
        }
        filter
    }

    /// What the search may mean: nothing in particular, where there is none.
    fn meanings(&self) -> Result<Vec<Option<Search>>, Problem> {
        let Some(search) = &self.search else {
            return Ok(vec![None]);
        };
        let meanings = Search::meanings(search).map_err(|invalid| {
            Problem::new(Kind::MalformedRequest, format!("`search`: {invalid}"))
        })?;
        Ok(meanings.into_iter().map(Some).collect())
    }

    /// Whether any are left out.
    const fn is_narrow(&self) -> bool {
        self.search.is_some() || self.enabled.is_some() || self.collection.is_some()
    }

    fn filled(&self) -> Filled {
        let enabled = self.enabled.map(|enabled| enabled.to_string());
        let collection = self.collection.map(|id| id.to_string());
        Filled::with(&[
            ("search", self.search.as_deref().unwrap_or_default()),
            ("enabled", enabled.as_deref().unwrap_or_default()),
            ("collection", collection.as_deref().unwrap_or_default()),
            ("sort", self.sort.as_deref().unwrap_or("name")),
        ])
    }
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(wanted): Wanted<ClientsWanted>,
) -> Result<Response, Problem> {
    let window = window(&wanted)?;
    let mut page = Page {
        items: Vec::new(),
        next: None,
    };
    for search in wanted.meanings()? {
        page = app.clients(&wanted.filter(search), &window).await?;
        if !page.items.is_empty() {
            break;
        }
    }
    let listed = Listed::of(page, &wanted, |client| client);
    let next = listed.next_cursor;
    let rows = rows(&app, listed.items).await?;
    let any = choice("", "any");
    let collections = collections(&app).await?.into_iter();
    let collections: Vec<Choice> = std::iter::once(any).chain(collections).collect();
    let content = html! {
        (heading("Clients", &html! {
            @if frame.may_edit() { a.button.main href="/console/clients/new" data-new { "New client" } }
        }))
        (filters(&wanted, &collections))
        @if rows.is_empty() {
            (nothing(&frame, &wanted))
        } @else {
            (table(&frame, &rows, app.now_ms()))
            (pagination(&frame.path, next.as_deref()))
        }
    };
    Ok(frame.page(Section::Clients, "Clients", &content))
}

async fn rows(app: &App, clients: Vec<Client>) -> Result<Vec<Row>, Problem> {
    let ids: Vec<ClientId> = clients.iter().map(|client| client.id).collect();
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut days = app.usage_of_day(UsageGroup::Client, &names).await?;
    let counts = app.profile_counts(&ids).await?;
    let uses = app.last_uses(&LastUse::Clients(ids)).await?;
    let rows = clients.into_iter().zip(names).map(|(client, name)| Row {
        profiles: counts.get(&client.id).copied().unwrap_or_default(),
        last_used_ms: uses.get(&name).copied(),
        day: days.remove(&name).unwrap_or_default(),
        client,
    });
    Ok(rows.collect())
}

fn filters(wanted: &ClientsWanted, collections: &[Choice]) -> Markup {
    let filled = wanted.filled();
    let field = |name: &'static str, label: &'static str| Field {
        name,
        label,
        is_required: true,
        ..Field::default()
    };
    html! {
        form.filters method="get" action="/console/clients" role="search" aria-label="Clients" {
            div.field {
                label for="found" { "Name, key id or address" }
                input #found name="search" type="search" maxlength="100" value=(filled.text("search"))
                    autocomplete="off";
            }
            (field("enabled", "State").filter(&filled, &[choice("", "any"), choice("true", "enabled"), choice("false", "disabled")]))
            (field("collection", "Collection").filter(&filled, collections))
            (field("sort", "Order").filter(&filled, &[
                choice("name", "by name"), choice("-created_at", "newest first"), choice("-updated_at", "changed last"),
            ]))
            (submit(Look::Usual, "Apply"))
            @if wanted.is_narrow() { a href="/console/clients" { "All clients" } }
        }
    }
}

fn nothing(frame: &Frame, wanted: &ClientsWanted) -> Markup {
    if wanted.is_narrow() {
        return empty(
            "No client fits.",
            &html! { p { a href="/console/clients" { "Show all clients" } } },
        );
    }
    let text =
        "There is no client yet. A client is who calls your APIs: a person, a company or a script.";
    empty(
        text,
        &html! {
            @if frame.may_edit() { (link_button(Look::Main, "/console/clients/new", "Make the first one")) }
        },
    )
}

fn table(frame: &Frame, rows: &[Row], now_ms: u64) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Clients" {
            table data-rows {
                thead {
                    tr {
                        th scope="col" { "Client" }
                        th.figure scope="col" { "Profiles" }
                        th scope="col" { "Last used" }
                        (day_heads())
                        th scope="col" { "Enabled" }
                    }
                }
                tbody {
                    @for row in rows { (line(frame, row, now_ms)) }
                }
            }
        }
    }
}

fn line(frame: &Frame, row: &Row, now_ms: u64) -> Markup {
    let Row { client, day, .. } = row;
    let id = client.id;
    let label = format!("{} is enabled", client.name);
    html! {
        tr {
            th scope="row" {
                a.named href=(path_of(id)) {
                    (picture(client))
                    span {
                        span.name { (client.name) }
                        @if let Some(description) = &client.description { span.description { (first_line(description)) } }
                    }
                }
            }
            td.figure { (or_dash(row.profiles)) }
            td {
                @match row.last_used_ms {
                    Some(at_ms) => (minute(at_ms, now_ms)),
                    None => span.nothing { "never" },
                }
            }
            (day_cells(day))
            td {
                (slider(frame, &Slider {
                    id: &format!("enabled-{id}"),
                    label: &label,
                    action: &format!("/console/clients/{id}/enabled"),
                    is_on: client.enabled,
                }))
            }
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
