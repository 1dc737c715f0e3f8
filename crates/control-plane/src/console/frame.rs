//! What all pages of operators have around what they say: navigation, who is logged in, how it stands with the gateways, and
//! what was done just now.

mod layout;
mod navigation;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse as _, Response};
use maud::{Markup, html};
use portcullis_store::{Operator, Role};

use super::design::heading;
use super::notice::Notice;
use super::theme::Theme;
use crate::app::gateway::Standing;
use crate::problem::{Kind, Problem};

pub(super) use navigation::Section;

/// For whom a page is made, and what is the same on all of them.
#[derive(Clone)]
pub(super) struct Frame {
    /// Who looks at it.
    pub(super) operator: Operator,
    /// What their forms repeat.
    pub(super) csrf_token: String,
    /// How it looks.
    pub(super) theme: Theme,
    /// Where it is, with its query.
    pub(super) path: String,
    /// What was done just now.
    pub(super) notice: Option<Notice>,
    /// How it stands with the gateways.
    pub(super) standing: Standing,
}

/// Among the extensions of an answer that has shown what was done just now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown;

impl Frame {
    /// Whether the operator may do what needs a role.
    pub(super) fn may(&self, role: Role) -> bool {
        self.operator.role >= role
    }

    /// Whether the operator may change records.
    pub(super) fn may_edit(&self) -> bool {
        self.may(Role::Editor)
    }

    /// What every form says besides its own fields.
    pub(super) fn token(&self) -> Markup {
        html! { input type="hidden" name="csrf_token" value=(self.csrf_token); }
    }

    /// Where to come back to.
    pub(super) fn back(&self) -> Markup {
        html! { input type="hidden" name="back" value=(self.path); }
    }

    /// A page.
    pub(super) fn page(&self, section: Section, title: &str, content: &Markup) -> Response {
        self.page_with(StatusCode::OK, section, title, content)
    }

    /// A page with another status.
    pub(super) fn page_with(
        &self,
        status: StatusCode,
        section: Section,
        title: &str,
        content: &Markup,
    ) -> Response {
        let page = layout::page(self, section, title, content);
        let mut response = (status, Html(page.into_string())).into_response();
        response.extensions_mut().insert(Shown);
        response
    }

    /// A page about what was refused.
    pub(super) fn problem(&self, problem: &Problem) -> Response {
        let details = problem.details();
        let title = match problem.status() {
            StatusCode::NOT_FOUND => "There is nothing here",
            StatusCode::FORBIDDEN => "You may not do this",
            StatusCode::SERVICE_UNAVAILABLE => "The control plane is out of order",
            _ => "This did not work",
        };
        let content = html! {
            (heading(title, &html! {}))
            p.lead role="alert" { (details.detail) "." }
            @if !details.errors.is_empty() {
                ul {
                    @for error in &details.errors {
                        li { code { (error.pointer) } " " (error.detail) }
                    }
                }
            }
            p { "Nothing was changed. " a href="/console" { "Go to the start" } }
        };
        let mut response = self.page_with(problem.status(), Section::Elsewhere, title, &content);
        problem.add_headers(response.headers_mut());
        response
    }
}

/// How many gateways have everything: a piece of every page, as it is by now.
pub(super) async fn in_sync(frame: Frame) -> Html<String> {
    Html(layout::in_sync(&frame).into_string())
}

impl<S: Send + Sync> FromRequestParts<S> for Frame {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let frame = parts.extensions.get::<Self>().cloned();
        frame.ok_or_else(|| Problem::new(Kind::Unauthorized, "it is not known who asks"))
    }
}
