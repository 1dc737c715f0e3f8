//! A client: whether it may call, its access profiles with their keys, and what it does.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_store::{Client, Direction, ProfileFilter, ProfileKey, Window};
use serde::Deserialize;

use super::{OfClient, activity, path_of, profiles};
use crate::app::access_profile::ProfileWithKeys;
use crate::app::page::LONGEST;
use crate::app::{App, Refusal};
use crate::console::asked::Wanted;
use crate::console::design::{Look, Slider, empty, link_button, picture, slider, time};
use crate::console::frame::{Frame, Section};
use crate::console::period::Period;
use crate::problem::Problem;

/// Of which time the page tells.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct Of {
    #[serde(default)]
    period: Period,
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    OfClient(id): OfClient,
    Wanted(Of { period }): Wanted<Of>,
) -> Result<Response, Problem> {
    let client = app.client(id).await?;
    let profiles = profiles_of(&app, &client).await?;
    let content = html! {
        (head(&frame, &client))
        (facts(&client, app.now_ms()))
        (profiles::cards(&app, &frame, &client, &profiles).await?)
        (activity::usage(&app, id, period).await?)
        (activity::refusals(&app, id).await?)
        (activity::changes(&app, &frame, id).await?)
    };
    Ok(frame.page(Section::Clients, &client.name, &content))
}

/// All profiles of a client, by their names.
pub(in crate::console) async fn profiles_of(
    app: &App,
    client: &Client,
) -> Result<Vec<ProfileWithKeys>, Refusal> {
    let filter = ProfileFilter {
        client_id: Some(client.id),
        ..ProfileFilter::default()
    };
    let by_name = Window {
        order: vec![(ProfileKey::Name, Direction::Ascending)],
        after: None,
        limit: LONGEST,
    };
    Ok(app.profiles(&filter, &by_name).await?.items)
}

fn head(frame: &Frame, client: &Client) -> Markup {
    let path = path_of(client.id);
    html! {
        div.heading {
            h1 { (picture(client)) span { (client.name) } }
            div.actions {
                "Enabled "
                (slider(frame, &Slider {
                    id: "enabled",
                    label: &format!("{} is enabled", client.name),
                    action: &format!("{path}/enabled"),
                    is_on: client.enabled,
                }))
                @if frame.may_edit() {
                    (link_button(Look::Usual, &format!("{path}/edit"), "Edit"))
                    (link_button(Look::Usual, &format!("/console/clients/new?like={}", client.id), "Duplicate"))
                    (link_button(Look::Grave, &format!("{path}/delete"), "Delete…"))
                }
            }
        }
    }
}

fn facts(client: &Client, now_ms: u64) -> Markup {
    html! {
        div.section {
            @if let Some(description) = &client.description { p { (description) } }
            @if !client.enabled {
                p.warning { "This client is disabled: whatever it calls is refused with `client_disabled`." }
            }
            p.small.quiet {
                code { (client.id) } " · made " (time(client.created_at_ms, now_ms))
                " · changed " (time(client.updated_at_ms, now_ms))
            }
        }
    }
}

/// What stands where a client has no profile.
pub(super) fn no_profile(frame: &Frame, client: &Client) -> Markup {
    let text = "It has no access profile yet, so it can call nothing. A profile says what it may use, how it proves itself \
                and from where.";
    empty(
        text,
        &html! {
            @if frame.may_edit() {
                (link_button(Look::Main, &format!("{}/profiles/new", path_of(client.id)), "Add its access profile"))
            }
        },
    )
}
