//! Changes a policy, for all access profiles that have it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::PolicyId;
use portcullis_store::Policy;

use super::effect::{EFFECT, effect};
use super::form::{self, differences, draft, filled};
use super::page::profiles_with;
use super::{path_of, seen, tag};
use crate::api::asked::Named;
use crate::app::App;
use crate::app::draft::Patch;
use crate::console::condition::{TAG, unchanged};
use crate::console::design::{Filled, Form, heading, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::refused::{Again, again};
use crate::console::settled::{arrived, done, drafted};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<PolicyId>,
) -> Result<Response, Problem> {
    let policy = app.policy(id).await?;
    let form = Shown {
        status: StatusCode::OK,
        filled: &filled(&policy),
        tag: tag(&policy),
        before: html! {},
    };
    page(&app, &frame, &policy, form).await
}

pub(in crate::console) async fn save(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<PolicyId>,
    sent: Sent,
) -> Result<Response, Problem> {
    if sent.has(EFFECT) {
        return shown_effect(&app, &frame, id, &sent).await;
    }
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
            let form = Shown {
                status: again.status,
                filled: &again.filled,
                tag: tag(&policy),
                before: different,
            };
            page(&app, &frame, &policy, form).await
        }
    }
}

/// The form as it was filled in, with what its limits would have done. Nothing is saved.
async fn shown_effect(
    app: &App,
    frame: &Frame,
    id: PolicyId,
    sent: &Sent,
) -> Result<Response, Problem> {
    let found = async {
        let limits = drafted(&draft(sent)?)?;
        app.effect_of_limits(id, limits).await
    };
    let (status, filled, shown) = match found.await {
        Ok(found) => {
            let filled = Filled::sent(sent, Vec::new());
            (StatusCode::OK, filled, effect(&found, app.now_ms()))
        }
        Err(refusal) => {
            let Again { status, filled } = again(sent, refusal)?;
            (status, filled, html! {})
        }
    };
    // Whoever saves afterwards changes what they saw first, and not what it may have become meanwhile.
    let tag = html! { input type="hidden" name=(TAG) value=(sent.text(TAG)); };
    let form = Shown {
        status,
        filled: &filled,
        tag,
        before: shown,
    };
    page(app, frame, &app.policy(id).await?, form).await
}

/// The form as it is shown.
struct Shown<'a> {
    status: StatusCode,
    filled: &'a Filled,
    /// Of which state of the policy it is.
    tag: Markup,
    /// What stands before it.
    before: Markup,
}

async fn page(
    app: &App,
    frame: &Frame,
    policy: &Policy,
    form: Shown<'_>,
) -> Result<Response, Problem> {
    let path = path_of(policy.id);
    let title = format!("Edit {}", policy.name);
    let profiles = profiles_with(app, policy.id).await?;
    let content = html! {
        (heading(&title, &html! {}))
        (form::form(frame, &Form {
            action: &format!("{path}/edit"),
            filled: form.filled,
            hidden: form.tag,
            before: html! {
                (form.before)
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
            further: html! { button.button type="submit" name=(EFFECT) value="yes" { "Show the effect on recent traffic" } },
            cancel: &path,
        }))
    };
    Ok(frame.page_with(form.status, Section::Policies, &title, &content))
}
