//! All policies: what each limits, and how many profiles have it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::PolicyId;
use portcullis_store::{Policy, PolicyFilter};
use serde::{Deserialize, Serialize};

use super::{limits, path_of};
use crate::api::answer::Listed;
use crate::api::listing::window;
use crate::api::query::ListQuery;
use crate::app::App;
use crate::app::text::NamePart;
use crate::console::asked::Wanted;
use crate::console::design::{
    Field, Filled, Look, choice, empty, heading, link_button, or_dash, pagination, submit, time,
};
use crate::console::frame::{Frame, Section};
use crate::problem::Problem;

/// How many policies a page has.
const ON_PAGE: u32 = 50;

/// Which policies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct PoliciesWanted {
    name: Option<NamePart>,
    sort: Option<String>,
    cursor: Option<String>,
}

impl ListQuery for PoliciesWanted {
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

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(wanted): Wanted<PoliciesWanted>,
) -> Result<Response, Problem> {
    let name = wanted.name.clone().map(String::from);
    let filter = PolicyFilter { name: name.clone() };
    let page = app.policies(&filter, &window(&wanted)?).await?;
    let listed = Listed::of(page, &wanted, |policy| policy);
    let ids: Vec<PolicyId> = listed.items.iter().map(|it| it.id).collect();
    let profiles = app.limited_counts(&ids).await?;
    let content = html! {
        (heading("Policies", &html! {
            @if frame.may_edit() { a.button.main href="/console/policies/new" data-new { "New policy" } }
        }))
        (filters(&wanted, name.as_deref().unwrap_or_default()))
        @if listed.items.is_empty() {
            (nothing(&frame, name.is_some()))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Policies" {
                table data-rows {
                    thead {
                        tr {
                            th scope="col" { "Policy" } th scope="col" { "Limits" }
                            th.figure scope="col" { "Profiles that have it" } th scope="col" { "Changed" }
                        }
                    }
                    tbody {
                        @for policy in &listed.items {
                            (line(policy, profiles.get(&policy.id).copied(), app.now_ms()))
                        }
                    }
                }
            }
            (pagination(&frame.path, listed.next_cursor.as_deref()))
        }
    };
    Ok(frame.page(Section::Policies, "Policies", &content))
}

fn filters(wanted: &PoliciesWanted, name: &str) -> Markup {
    let sort = wanted.sort.as_deref().unwrap_or("name");
    let filled = Filled::with(&[("name", name), ("sort", sort)]);
    html! {
        form.filters method="get" action="/console/policies" role="search" aria-label="Policies" {
            (Field { name: "name", label: "Name", longest: 100, ..Field::default() }.filter_text("search", &filled))
            (Field { name: "sort", label: "Order", ..Field::default() }.filter(&filled, &[
                choice("name", "by name"), choice("-created_at", "newest first"), choice("-updated_at", "changed last"),
            ]))
            (submit(Look::Usual, "Apply"))
            @if !name.is_empty() { a href="/console/policies" { "All policies" } }
        }
    }
}

fn nothing(frame: &Frame, is_narrow: bool) -> Markup {
    if is_narrow {
        let all = html! { p { a href="/console/policies" { "Show all policies" } } };
        return empty("No policy fits.", &all);
    }
    let text = "There is no policy yet. A policy says how much an access profile may call: without one it may call as \
                much as it likes.";
    empty(
        text,
        &html! {
            @if frame.may_edit() { (link_button(Look::Main, "/console/policies/new", "Make the first one")) }
        },
    )
}

fn line(policy: &Policy, profiles: Option<u64>, now_ms: u64) -> Markup {
    html! {
        tr {
            th scope="row" {
                a.named href=(path_of(policy.id)) {
                    span {
                        span.name { (policy.name) }
                        @if let Some(description) = &policy.description {
                            span.description { (description.lines().next().unwrap_or_default()) }
                        }
                    }
                }
            }
            td { (limits(policy)) }
            td.figure { (or_dash(profiles.unwrap_or_default())) }
            td { (time(policy.updated_at_ms, now_ms)) }
        }
    }
}
