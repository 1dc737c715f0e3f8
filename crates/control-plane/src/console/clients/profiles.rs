//! The access profiles of a client, on its page.

use std::collections::HashMap;

use maud::{Markup, html};
use portcullis_feed::{CollectionId, PolicyId};
use portcullis_store::{AccessMethod, ApiKey, Client, LastUse};

use super::page::no_profile;
use super::path_of;
use crate::api::jwt::Jwt;
use crate::app::access_profile::ProfileWithKeys;
use crate::app::{App, Refusal};
use crate::console::design::{Look, Slider, Tone, badge, link_button, minute, slider, time};
use crate::console::frame::Frame;

/// What profiles refer to, and when they and their keys were used last.
struct Around {
    collections: HashMap<CollectionId, String>,
    policies: HashMap<PolicyId, String>,
    uses: HashMap<String, u64>,
    now_ms: u64,
}

/// All of them.
pub(super) async fn cards(
    app: &App,
    frame: &Frame,
    client: &Client,
    profiles: &[ProfileWithKeys],
) -> Result<Markup, Refusal> {
    let around = Around::of(app, profiles).await?;
    Ok(html! {
        section.section aria-labelledby="profiles" {
            header {
                h2 #profiles { "Access profiles" }
                @if frame.may_edit() && !profiles.is_empty() {
                    a.button href={ (path_of(client.id)) "/profiles/new" } data-new { "Add profile" }
                }
            }
            @for found in profiles { (card(frame, found, &around)) }
            @if profiles.is_empty() { (no_profile(frame, client)) }
        }
    })
}

impl Around {
    async fn of(app: &App, profiles: &[ProfileWithKeys]) -> Result<Self, Refusal> {
        let collections = profiles.iter().flat_map(|found| &found.profile.collections);
        let policies = profiles.iter().filter_map(|found| found.profile.policy_id);
        let names = app
            .names_granted(
                &collections.copied().collect::<Vec<_>>(),
                &policies.collect::<Vec<_>>(),
            )
            .await?;
        let ids = profiles.iter().map(|found| found.profile.id).collect();
        let keys = profiles
            .iter()
            .flat_map(|found| &found.keys)
            .map(|key| key.id.clone());
        let mut uses = app.last_uses(&LastUse::Keys(keys.collect())).await?;
        uses.extend(app.last_uses(&LastUse::Profiles(ids)).await?);
        Ok(Self {
            collections: names.collections,
            policies: names.policies,
            uses,
            now_ms: app.now_ms(),
        })
    }

    fn last_used(&self, id: &str) -> Markup {
        match self.uses.get(id) {
            Some(at_ms) => minute(*at_ms, self.now_ms),
            None => html! { span.nothing { "never" } },
        }
    }
}

fn card(frame: &Frame, found: &ProfileWithKeys, around: &Around) -> Markup {
    let profile = &found.profile;
    let path = format!("/console/profiles/{}", profile.id);
    let expired = profile
        .expires_at_ms
        .is_some_and(|at_ms| at_ms <= around.now_ms);
    html! {
        article.card id=(profile.id) aria-labelledby={ (profile.id) "-name" } {
            div.heading {
                h3 id={ (profile.id) "-name" } {
                    (profile.name) " "
                    @if !profile.enabled { (badge(Tone::Refusal, "disabled")) " " }
                    @if expired { (badge(Tone::Refusal, "expired")) " " }
                    @if profile.observe { (badge(Tone::Neutral, "only observes")) }
                }
                @if frame.may_edit() {
                    div.actions {
                        (slider(frame, &Slider {
                            id: &format!("enabled-{}", profile.id),
                            label: &format!("{} is enabled", profile.name),
                            action: &format!("{path}/enabled"),
                            is_on: profile.enabled,
                        }))
                        (link_button(Look::Usual, &format!("{path}/edit"), "Edit"))
                        (link_button(Look::Usual, &format!("{}/profiles/new?like={}", path_of(profile.client_id), profile.id), "Duplicate"))
                        (link_button(Look::Grave, &format!("{path}/delete"), "Delete…"))
                    }
                }
            }
            @if let Some(description) = &profile.description { p { (description) } }
            dl.pairs {
                dt { "Proves itself by" } dd { (method(found)) ", last used " (around.last_used(&profile.id.to_string())) }
                dt { "May use" } dd { (collections(&profile.collections, around)) }
                dt { "Policy" }
                dd {
                    @match profile.policy_id {
                        Some(id) => (around.policies.get(&id).map_or("?", String::as_str)),
                        None => "none: as much as it likes",
                    }
                }
                dt { "From" } dd { (addresses(&profile.addresses)) }
                @if let Some(at_ms) = profile.expires_at_ms { dt { "Ends" } dd { (time(at_ms, around.now_ms)) } }
            }
            @if profile.access == AccessMethod::ApiKey { (keys(frame, found, around)) }
        }
    }
}

fn collections(ids: &[CollectionId], around: &Around) -> Markup {
    html! {
        @for (index, id) in ids.iter().enumerate() {
            @if index > 0 { ", " }
            (around.collections.get(id).map_or("?", String::as_str))
        }
    }
}

fn addresses(lists: &portcullis_feed::AddressLists) -> Markup {
    const MOST: usize = 8;
    let some = |entries: &[String]| {
        html! {
            @for (index, entry) in entries.iter().take(MOST).enumerate() {
                @if index > 0 { ", " }
                code { (entry) }
            }
            @if entries.len() > MOST { " and " (entries.len() - MOST) " more" }
        }
    };
    html! {
        @if lists.allow.is_empty() { "any address" } @else { (some(&lists.allow)) }
        @if !lists.deny.is_empty() { ", but not " (some(&lists.deny)) }
    }
}

/// How its callers prove themselves, with what can be shown of the keys of tokens.
fn method(found: &ProfileWithKeys) -> Markup {
    let AccessMethod::Jwt(jwt) = &found.profile.access else {
        return html! { "API key" };
    };
    let shown = Jwt::from((**jwt).clone());
    html! {
        "JSON Web Token, " (jwt.algorithm.name()) ", "
        @if let Some(secret) = shown.secret { "a secret of " (secret.bits) " bits" }
        @for (index, key) in shown.keys.iter().enumerate() {
            @if index > 0 { ", " }
            (key.kty) " of " (key.bits) " bits, SHA-256 " code { (key.thumbprint) }
        }
        @if let Some(url) = shown.jwks_url.or(shown.discover_from) { "keys from " code { (url) } }
    }
}

fn keys(frame: &Frame, found: &ProfileWithKeys, around: &Around) -> Markup {
    let path = format!("/console/profiles/{}", found.profile.id);
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Keys of " (found.profile.name) } {
            table {
                thead {
                    tr {
                        th scope="col" { "API key" } th scope="col" { "Made" } th scope="col" { "Last used" }
                        th scope="col" { "Ends" }
                        @if frame.may_edit() { th scope="col" { span.hidden { "Actions" } } }
                    }
                }
                tbody {
                    @for key in &found.keys { (key_line(frame, &path, key, around)) }
                    @if found.keys.is_empty() {
                        tr { td colspan=(if frame.may_edit() { "5" } else { "4" }) { "No key works: nobody can call." } }
                    }
                }
            }
        }
        @if frame.may_edit() {
            div.actions {
                (link_button(Look::Main, &format!("{path}/refresh"), "Refresh…"))
                (link_button(Look::Usual, &format!("{path}/keys/new"), "Another key…"))
            }
        }
    }
}

fn key_line(frame: &Frame, path: &str, key: &ApiKey, around: &Around) -> Markup {
    html! {
        tr {
            th scope="row" {
                code { (key.id) "…" } " "
                @if key.imported { (badge(Tone::Neutral, "imported")) " " }
                @if key.deprecated_at_ms.is_some() { (badge(Tone::Refusal, "replaced")) }
            }
            td { (time(key.created_at_ms, around.now_ms)) }
            td { (around.last_used(&key.id)) }
            td {
                @match key.expires_at_ms {
                    Some(at_ms) => (time(at_ms, around.now_ms)),
                    None => span.nothing { "never" },
                }
            }
            @if frame.may_edit() { td { (link_button(Look::Grave, &format!("{path}/keys/{}/revoke", key.id), "Revoke…")) } }
        }
    }
}
