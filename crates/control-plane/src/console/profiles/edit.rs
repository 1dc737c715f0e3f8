//! Changes an access profile. Its keys stay, unless others are given.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::AddressLists;
use portcullis_store::{AccessMethod, UsageGroup};

use super::callers::{shut_out, table};
use super::check::PROFILE;
use super::choices::Choices;
use super::draft::{KeySource, draft, is_jwt, key_source, new_policy};
use super::filled::filled;
use super::form::{ProfileForm, form};
use super::shown_once::{self, ShownOnce};
use super::{OfProfile, place_of, tag};
use crate::api::access_profiles::AccessProfile;
use crate::app::access_profile::ProfileWithKeys;
use crate::app::session::Visitor;
use crate::app::{App, Committed, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Filled, heading, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::refused::{Again, again};
use crate::console::settled::{arrived, done, patch};
use crate::identity::{By, Came};
use crate::problem::Problem;

/// What the fields are called, as differences tell them.
const NAMED: [(&str, &str); 8] = [
    ("name", "Name"),
    ("description", "Description"),
    ("policy", "Policy"),
    ("access_method", "Access method"),
    ("algorithm", "Signing method"),
    ("allow", "Only from"),
    ("deny", "Never from"),
    ("expires_at", "Ends"),
];

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Ok(Came(visitor)): Result<Came, Infallible>,
    OfProfile(id): OfProfile,
) -> Result<Response, Problem> {
    let found = app.profile(id).await?;
    let filled = filled(&found.profile)
        .saying("rate_per", "minute")
        .saying("quota_per", "month");
    page(
        &app,
        &frame,
        StatusCode::OK,
        &found,
        &filled,
        html! {},
        &visitor,
    )
    .await
}

pub(in crate::console) async fn save(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Ok(Came(visitor)): Result<Came, Infallible>,
    OfProfile(id): OfProfile,
    sent: Sent,
) -> Result<Response, Problem> {
    let is_made = is_jwt(&sent) && key_source(&sent) == KeySource::Generated;
    let secret = is_made.then(|| app.new_signing_secret()).transpose()?;
    let attempt = async {
        let changes = draft(&sent, secret.as_deref());
        let changes = changes.map_err(|flaw| Refusal::Invalid(vec![flaw]))?;
        let patch = patch(changes)?;
        let policy = new_policy(&sent)?;
        let condition = unchanged(&sent, |found: &ProfileWithKeys| {
            AccessProfile::from(found.clone())
        });
        Ok(app
            .change_profile(&author, id, condition, patch, policy)
            .await?)
    };
    let refusal = match attempt.await {
        Ok(changed) => return saved(&app, &frame, changed, secret).await,
        Err(Attempt::Problem(problem)) => return Err(problem),
        Err(Attempt::Refusal(refusal)) => refusal,
    };
    let again = again(&sent, refusal)?;
    let found = app.profile(id).await?;
    let different = again.when_overtaken(|typed| differences(&filled(&found.profile), typed));
    let Again {
        status,
        filled: typed,
    } = again;
    page(&app, &frame, status, &found, &typed, different, &visitor).await
}

/// What can go wrong on the way.
enum Attempt {
    Problem(Problem),
    Refusal(Refusal),
}

impl From<Problem> for Attempt {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Refusal> for Attempt {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// A secret that was made is shown now or never.
async fn saved(
    app: &App,
    frame: &Frame,
    changed: Committed<ProfileWithKeys>,
    secret: Option<String>,
) -> Result<Response, Problem> {
    let profile = &changed.record.profile;
    let notices = changed.notices.iter().map(|notice| notice.detail.clone());
    if secret.is_some() {
        let shown = ShownOnce {
            profile: profile.id.to_string(),
            api_key: None,
            secret,
            notices: notices.collect(),
            revision: changed.revision,
            meaning: "applied".to_owned(),
        };
        return shown_once::page(app, frame, "The access profile is saved", &shown).await;
    }
    let arrival = arrived(app, changed.revision, "applied").await;
    let mut text = format!("{} is saved", profile.name);
    for notice in notices {
        text.push_str("; ");
        text.push_str(&notice);
    }
    let notice = Notice::of(text).with_arrival(arrival);
    Ok(done(app, frame, &place_of(profile), &notice))
}

/// What somebody else has changed, or the operator has.
fn differences(now: &Filled, typed: &Filled) -> Markup {
    let plain = |text: &str| text.replace("\r\n", "\n");
    let different = NAMED
        .into_iter()
        .filter(|(name, _)| plain(now.text(name)) != plain(typed.text(name)));
    let sets = |filled: &Filled| {
        let mut ids: Vec<String> = filled.all("collections").map(str::to_owned).collect();
        ids.sort();
        ids
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label="What is different now" {
            table {
                caption { "What is different now" }
                thead { tr { th scope="col" { "Field" } th scope="col" { "Now" } th scope="col" { "As you have it" } } }
                tbody {
                    @for (name, label) in different {
                        tr { th scope="row" { (label) } td { (now.text(name)) } td { (typed.text(name)) } }
                    }
                    @if sets(now) != sets(typed) {
                        tr {
                            th scope="row" { "What it may use" }
                            td { (sets(now).len()) " collections" } td { (sets(typed).len()) " collections" }
                        }
                    }
                }
            }
        }
    }
}

/// What rules for addresses would do to those who call already, as far as that is known.
async fn warning(app: &App, found: &ProfileWithKeys, filled: &Filled) -> Result<Markup, Refusal> {
    let now_ms = app.now_ms();
    let callers = app.known_callers(found.profile.id).await?;
    let lists = AddressLists {
        allow: filled.lines("allow"),
        deny: filled.lines("deny"),
    };
    let id = found.profile.id.to_string();
    let mut days = app
        .usage_of_day(UsageGroup::Profile, std::slice::from_ref(&id))
        .await?;
    let requests = days.remove(&id).unwrap_or_default().all_requests();
    Ok(html! {
        @if requests > 0 {
            div.warning {
                p {
                    "Callers use this profile now: " strong { (plural(requests, "request")) }
                    " in the last 24 hours. What you change holds for them at once."
                }
                p {
                    "From where permitted callers come is not recorded. Tick \u{201c}only observe\u{201d} with new rules for "
                    "addresses: whom they would shut out is then seen among the refusals, and still passes."
                }
            }
        }
        (shut_out(&callers, &lists, now_ms))
        (table(&callers, &lists, now_ms))
    })
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    found: &ProfileWithKeys,
    filled: &Filled,
    different: Markup,
    visitor: &Visitor,
) -> Result<Response, Problem> {
    let profile = &found.profile;
    let choices = Choices::of(app).await?;
    let title = format!("Edit {}", profile.name);
    let warning = warning(app, found, filled).await?;
    let content = html! {
        (heading(&title, &html! {}))
        (form(frame, &ProfileForm {
            action: &format!("/console/profiles/{}/edit", profile.id),
            filled,
            hidden: html! { (tag(found)) input type="hidden" name=(PROFILE) value=(profile.id); },
            before: html! { (different) (warning) },
            choices: &choices,
            own_address: visitor.address,
            is_new: false,
            has_keys: matches!(profile.access, AccessMethod::Jwt(_)),
            button: "Save",
            cancel: &place_of(profile),
        }))
    };
    Ok(frame.page_with(status, Section::Clients, &title, &content))
}
