//! One's own sessions and password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_store::{LogInMethod, Session};

use super::PATH;
use crate::app::page::LONGEST;
use crate::app::session::PresentSession;
use crate::app::{App, Refusal};
use crate::console::design::{Field, Filled, Look, Tone, badge, heading, submit, time};
use crate::console::frame::{Frame, Section};
use crate::problem::Problem;

/// Where the form of the password has what, and which field asks for it.
const POINTERS: [(&str, &str); 3] = [
    ("/current_password", "current_password"),
    ("/new_password", "new_password"),
    ("/repeated", "repeated"),
];

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    present: PresentSession,
) -> Result<Response, Problem> {
    let filled = Filled::default();
    Ok(page(&app, &frame, StatusCode::OK, &present, &filled).await?)
}

pub(super) async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    present: &PresentSession,
    filled: &Filled,
) -> Result<Response, Refusal> {
    let operator = &present.operator;
    let sessions = app.sessions(Some(operator.id), None, LONGEST).await?.items;
    let now_ms = app.now_ms();
    let content = html! {
        (heading("Your account", &html! {}))
        p { strong { (operator.name) } " " (operator.email) ", " (operator.role.as_text()) }
        section.section aria-labelledby="sessions" {
            h2 #sessions { "Where you are logged in" }
            div.scroll tabindex="0" role="region" aria-label="Where you are logged in" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Browser" } th scope="col" { "From" } th scope="col" { "By" }
                            th scope="col" { "Since" } th scope="col" { "Last used" } th scope="col" { "Ends" }
                            th scope="col" { span.hidden { "Actions" } }
                        }
                    }
                    tbody { @for session in &sessions { (line(frame, session, present, now_ms)) } }
                }
            }
        }
        @if operator.password.is_some() {
            section.section aria-labelledby="password" { h2 #password { "Your password" } (form(frame, filled)) }
        } @else {
            p { "You have no password: you come by your identity provider, or by a link that an admin makes." }
        }
    };
    Ok(frame.page_with(status, Section::Elsewhere, "Your account", &content))
}

fn line(frame: &Frame, session: &Session, present: &PresentSession, now_ms: u64) -> Markup {
    let is_present = session.id == present.session.id;
    let method = match session.method {
        LogInMethod::Password => "password",
        LogInMethod::Link => "link",
        LogInMethod::SingleSignOn => "single sign-on",
    };
    html! {
        tr {
            th scope="row" {
                (session.user_agent.as_deref().unwrap_or("not known"))
                @if is_present { " " (badge(Tone::Permit, "this one")) }
            }
            td {
                @match &session.address {
                    Some(address) => code { (address) },
                    None => span.nothing { "–" },
                }
            }
            td { (method) }
            td { (time(session.created_at_ms, now_ms)) }
            td { (time(session.last_used_at_ms, now_ms)) }
            td { (time(session.expires_at_ms, now_ms)) }
            td {
                form method="post" action={ (PATH) "/sessions/" (session.id) "/end" } {
                    (frame.token())
                    (submit(Look::Usual, "Log out"))
                }
            }
        }
    }
}

fn form(frame: &Frame, filled: &Filled) -> Markup {
    let field = |name, label, pointer, hint| Field {
        name,
        label,
        pointer,
        hint,
        longest: 256,
        is_required: true,
        ..Field::default()
    };
    html! {
        form.form method="post" action={ (PATH) "/password" } {
            (frame.token())
            (filled.summary(&POINTERS))
            (field("current_password", "The present one", "/current_password", "").input("password", filled))
            (field("new_password", "A new one", "/new_password",
                "12 to 256 characters. You are logged out everywhere else.").input("password", filled))
            (field("repeated", "The new one again", "/repeated", "").input("password", filled))
            div.actions { (submit(Look::Main, "Change the password")) }
        }
    }
}
