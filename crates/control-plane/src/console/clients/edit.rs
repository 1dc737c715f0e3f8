//! Changes who a client is, and its picture.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_store::Client;

use super::form::{ClientForm, differences, draft, filled, form, tag};
use super::new::at_logo;
use super::{OfClient, path_of};
use crate::api;
use crate::app::condition::Condition;
use crate::app::{App, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Filled, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::refused::again;
use crate::console::settled::{done, patch};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    OfClient(id): OfClient,
) -> Result<Response, Problem> {
    let client = app.client(id).await?;
    Ok(page(
        &frame,
        StatusCode::OK,
        &client,
        &filled(&client),
        html! {},
    ))
}

pub(in crate::console) async fn save(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    OfClient(id): OfClient,
    sent: Sent,
) -> Result<Response, Problem> {
    let logo = sent.file("logo");
    let patch = patch(draft(&sent))?;
    let attempt = async {
        if let Some(logo) = logo {
            at_logo(app.check_logo(logo.to_vec()).await)?;
        }
        let condition = unchanged(&sent, |client: &Client| {
            api::clients::Client::from(client.clone())
        });
        let changed = app.change_client(&author, id, condition, patch).await?;
        match logo {
            Some(logo) => {
                let kept = app.put_logo(&author, id, Condition::none(), logo.to_vec());
                kept.await?;
            }
            None if sent.has("without_logo") && changed.record.logo.is_some() => {
                app.delete_logo(&author, id, Condition::none()).await?;
            }
            None => {}
        }
        Ok::<_, Refusal>(changed.record)
    };
    match attempt.await {
        Ok(client) => {
            let notice = Notice::of(format!("{} is saved", client.name));
            Ok(done(&app, &frame, &path_of(id), &notice))
        }
        Err(refusal) => {
            let again = again(&sent, refusal)?;
            let client = app.client(id).await?;
            let different = again.when_overtaken(|_| differences(&client, &sent));
            Ok(page(
                &frame,
                again.status,
                &client,
                &again.filled,
                different,
            ))
        }
    }
}

fn page(
    frame: &Frame,
    status: StatusCode,
    client: &Client,
    filled: &Filled,
    differences: Markup,
) -> Response {
    let path = path_of(client.id);
    let title = format!("Edit {}", client.name);
    let content = html! {
        (heading(&title, &html! {}))
        (form(frame, &ClientForm {
            action: &format!("{path}/edit"),
            filled,
            hidden: tag(client),
            differences,
            picture: client.logo.map(|digest| format!("{path}/logo/{digest}")),
            button: "Save",
            cancel: &path,
        }))
    };
    frame.page_with(status, Section::Clients, &title, &content)
}
