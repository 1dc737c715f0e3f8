//! Changes a policy, for all access profiles that have it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::PolicyId;
use portcullis_store::Policy;

use super::form::{differences, draft, filled, form};
use super::page::profiles_with;
use super::{path_of, seen, tag};
use crate::api::asked::Named;
use crate::app::App;
use crate::app::draft::Patch;
use crate::console::condition::unchanged;
use crate::console::design::{Filled, Form, heading, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::refused::again;
use crate::console::settled::{arrived, done, drafted};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<PolicyId>,
) -> Result<Response, Problem> {
    let policy = app.policy(id).await?;
    let filled = filled(&policy);
    page(&app, &frame, StatusCode::OK, &policy, &filled, html! {}).await
}

pub(in crate::console) async fn save(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<PolicyId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let patch: Patch = drafted(&draft(&sent)?)?;
        let condition = unchanged(&sent, seen);
        app.change_policy(&author, id, condition, patch).await
    };
    match attempt.await {
        Ok(changed) => {
            let arrival = arrived(&app, changed.revision, "applied").await;
            let notice = Notice::of(format!("{} is saved", changed.record.name));
            let notice = notice.with_arrival(arrival);
            Ok(done(&app, &frame, &path_of(id), &notice))
        }
        Err(refusal) => {
            let again = again(&sent, refusal)?;
            let policy = app.policy(id).await?;
            let different = again.when_overtaken(|typed| differences(&filled(&policy), typed));
            page(
                &app,
                &frame,
                again.status,
                &policy,
                &again.filled,
                different,
            )
            .await
        }
    }
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    policy: &Policy,
    filled: &Filled,
    differences: Markup,
) -> Result<Response, Problem> {
    let path = path_of(policy.id);
    let title = format!("Edit {}", policy.name);
    let profiles = profiles_with(app, policy.id).await?;
    let content = html! {
        (heading(&title, &html! {}))
        (form(frame, &Form {
            action: &format!("{path}/edit"),
            filled,
            hidden: tag(policy),
            before: html! {
                (differences)
                @if profiles > 0 {
                    div.warning {
                        p {
                            strong { (plural(profiles, "access profile")) }
                            " with it: what you save holds for all of them at once. A limit that is changed begins anew."
                        }
                    }
                }
            },
            button: "Save",
            cancel: &path,
        }))
    };
    Ok(frame.page_with(status, Section::Policies, &title, &content))
}
