//! The access profiles that grant a collection or have a policy, with whose they are and how much they are called.

use std::collections::HashMap;

use maud::{Markup, html};
use portcullis_feed::{ClientId, CollectionId, ProfileId};
use portcullis_store::{AccessProfile, GrantFilter, Policy, ProfileFilter, UsageGroup};

use super::clients::path_of;
use super::design::{Tone, badge, day_cells, day_heads, number, or_dash, pagination};
use super::frame::Frame;
use crate::api::answer::Listed;
use crate::api::listing::window;
use crate::api::query::ListQuery;
use crate::app::App;
use crate::app::quota::QuotaState;
use crate::app::usage::Day;
use crate::problem::Problem;

/// How many profiles a page has.
pub(super) const ON_PAGE: u32 = 50;

/// A page of those that have a policy, if there are any.
pub(super) async fn under(
    app: &App,
    frame: &Frame,
    policy: &Policy,
    wanted: &impl ListQuery,
) -> Result<Option<Markup>, Problem> {
    let grant = GrantFilter {
        policy_id: Some(policy.id),
        ..GrantFilter::default()
    };
    table(app, frame, grant, Some(policy), wanted).await
}

/// A page of those that grant a collection, if there are any.
pub(super) async fn granting(
    app: &App,
    frame: &Frame,
    collection: CollectionId,
    wanted: &impl ListQuery,
) -> Result<Option<Markup>, Problem> {
    let grant = GrantFilter {
        collection_id: Some(collection),
        ..GrantFilter::default()
    };
    table(app, frame, grant, None, wanted).await
}

async fn table(
    app: &App,
    frame: &Frame,
    grant: GrantFilter,
    policy: Option<&Policy>,
    wanted: &impl ListQuery,
) -> Result<Option<Markup>, Problem> {
    let filter = ProfileFilter {
        grant,
        ..ProfileFilter::default()
    };
    let page = app.profiles(&filter, &window(wanted)?).await?;
    let listed = Listed::of(page, wanted, |found| found.profile);
    if listed.items.is_empty() {
        return Ok(None);
    }
    let clients: Vec<ClientId> = listed.items.iter().map(|it| it.client_id).collect();
    let clients = app.names_of_clients(&clients).await?;
    let ids: Vec<ProfileId> = listed.items.iter().map(|it| it.id).collect();
    let quotas = match policy {
        Some(policy) => app.quota_states(policy, &ids).await?,
        None => HashMap::new(),
    };
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let days = app.usage_of_day(UsageGroup::Profile, &ids).await?;
    Ok(Some(html! {
        div.scroll tabindex="0" role="region" aria-label="Access profiles" {
            table data-rows {
                thead {
                    tr {
                        th scope="col" { "Access profile" } th scope="col" { "Client" }
                        (day_heads()) th.figure scope="col" { "Busiest hour" }
                        @if !quotas.is_empty() { th.figure scope="col" { "Quota used" } }
                    }
                }
                tbody {
                    @for profile in &listed.items {
                        @let client = clients.get(&profile.client_id).map_or("?", String::as_str);
                        @let quotas = (!quotas.is_empty()).then_some(&quotas);
                        (line(profile, client, days.get(&profile.id.to_string()), quotas))
                    }
                }
            }
        }
        (pagination(&frame.path, listed.next_cursor.as_deref()))
    }))
}

/// `quotas` are absent where none of those on the page has one.
fn line(
    profile: &AccessProfile,
    client: &str,
    day: Option<&Day>,
    quotas: Option<&HashMap<ProfileId, QuotaState>>,
) -> Markup {
    let day = day.cloned().unwrap_or_default();
    let path = path_of(profile.client_id);
    let busiest = day.requests.iter().copied().max().unwrap_or_default();
    html! {
        tr {
            th scope="row" {
                a href={ (path) "#" (profile.id) } { (profile.name) } " "
                @if !profile.enabled { (badge(Tone::Refusal, "disabled")) }
            }
            td { a href=(path) { (client) } }
            (day_cells(&day))
            td.figure { (or_dash(busiest)) }
            @if let Some(quotas) = quotas { td.figure { (used(quotas.get(&profile.id))) } }
        }
    }
}

/// How much of a quota is used up in the window that is open.
fn used(quota: Option<&QuotaState>) -> Markup {
    let Some(state) = quota else {
        return or_dash(0);
    };
    html! {
        (number(state.used)) " of " (number(state.quota.requests.get()))
        @if state.is_used_up { " " (badge(Tone::Refusal, "used up")) }
    }
}
