//! Removes a client, after saying what goes with it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_store::{Client, UsageGroup};

use super::form::tag;
use super::page::profiles_of;
use super::{OfClient, path_of};
use crate::api;
use crate::app::{App, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Confirmation, calls, confirmation, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::{arrived, done};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    OfClient(id): OfClient,
) -> Result<Response, Problem> {
    page(&app, &frame, StatusCode::OK, app.client(id).await?).await
}

pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    OfClient(id): OfClient,
    sent: Sent,
) -> Result<Response, Problem> {
    let client = app.client(id).await?;
    let condition = unchanged(&sent, |client: &Client| {
        api::clients::Client::from(client.clone())
    });
    let removed = match app.delete_client(&author, id, condition).await {
        Ok(removed) => removed,
        Err(Refusal::Changed { .. }) => {
            return page(&app, &frame, StatusCode::PRECONDITION_FAILED, client).await;
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let arrival = arrived(&app, removed.revision, "refused").await;
    let text = format!(
        "{} is gone, with {} and {}",
        client.name,
        plural(removed.record.removed_profiles, "access profile"),
        plural(removed.record.removed_keys, "API key"),
    );
    let notice = Notice::of(text).with_arrival(arrival);
    Ok(done(&app, &frame, "/console/clients", &notice))
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    client: Client,
) -> Result<Response, Problem> {
    let profiles = profiles_of(app, &client).await?;
    let keys: usize = profiles.iter().map(|found| found.keys.len()).sum();
    let count = |number: usize, noun: &str| plural(u64::try_from(number).unwrap_or(u64::MAX), noun);
    let calls = calls(app, UsageGroup::Client, &client.id.to_string()).await?;
    let title = format!("Delete {}?", client.name);
    let path = path_of(client.id);
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: status == StatusCode::PRECONDITION_FAILED,
            consequences: html! {
                p {
                    "Its " (count(profiles.len(), "access profile")) " and " (count(keys, "API key"))
                    " that work go with it, and cannot be brought back."
                }
                p { (calls) }
                p { "To shut it out for a while, disable it instead: that can be taken back." }
            },
            action: &format!("{path}/delete"),
            hidden: tag(&client),
            button: "Delete it for good",
            cancel: &path,
        },
    );
    Ok(frame.page_with(status, Section::Clients, &title, &content))
}
