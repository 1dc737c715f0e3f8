//! Light or dark: as the system has it, or as the operator has chosen for their browser.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::entered::Sent;
use crate::app::App;
use crate::identity::{set, value};
use crate::problem::{Kind, Problem};

const COOKIE: &str = "portcullis-theme";

/// A year.
const LASTS_S: u64 = 365 * 24 * 60 * 60;

/// How pages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the system has it.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    pub(super) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// What a browser has chosen.
pub(super) fn chosen(headers: &HeaderMap) -> Theme {
    let name = value(headers, COOKIE);
    name.and_then(|name| Theme::named(&name))
        .unwrap_or(Theme::System)
}

pub(super) async fn choose(State(app): State<Arc<App>>, sent: Sent) -> Result<Response, Problem> {
    let theme = Theme::named(sent.text("theme")).ok_or_else(|| {
        let detail = "`theme` is `system`, `light` or `dark`";
        Problem::new(Kind::InvalidContent, detail)
    })?;
    let cookie = set(COOKIE, theme.name(), LASTS_S, &app);
    let headers: HeaderMap = cookie
        .into_iter()
        .map(|it| (header::SET_COOKIE, it))
        .collect();
    Ok((headers, Redirect::to(sent.back())).into_response())
}
