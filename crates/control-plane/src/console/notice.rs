//! What was done, said on the page that comes next: a cookie takes it there. It says nothing secret, and only what was made
//! for this session is shown.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_engine::api_key::digest;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::app::gateway::Applied;
use crate::identity::{set, value};

const COOKIE: &str = "portcullis-notice";

/// For how many seconds a browser keeps it on its way to the page.
const LASTS_S: u64 = 30;

/// How many bytes it has at most: browsers keep no larger cookies.
const LARGEST: usize = 3_000;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notice {
    /// In a sentence.
    pub(super) text: String,
    /// What takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) undo: Option<Undo>,
    /// Where it has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) arrival: Option<Arrival>,
}

/// The form that takes something back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Undo {
    /// Where it is sent.
    pub(super) action: String,
    /// What it says.
    pub(super) fields: Vec<(String, String)>,
}

/// On which gateways something holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Arrival {
    /// What it means there, such as `refused`.
    pub(super) what: String,
    /// The revision that says it.
    pub(super) revision: u64,
    /// On how many.
    pub(super) applied: usize,
    /// Of how many.
    pub(super) gateways: usize,
    /// After how many milliseconds.
    pub(super) after_ms: u64,
}

impl Notice {
    /// That something was done.
    pub(super) fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            undo: None,
            arrival: None,
        }
    }

    /// With what takes it back.
    pub(super) fn with_undo(mut self, action: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.undo = Some(Undo {
            action: action.into(),
            fields: fields.collect(),
        });
        self
    }

    /// With where it has arrived.
    pub(super) fn with_arrival(mut self, arrival: Arrival) -> Self {
        self.arrival = Some(arrival);
        self
    }

    /// Has the browser bring it to the next page.
    pub(super) fn add_to(&self, headers: &mut HeaderMap, csrf_token: &str, app: &App) {
        // Texts, numbers and lists: writing them as JSON cannot fail.
        let json = serde_json::to_string(self).unwrap_or_default();
        let value = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(&json),
            seal(&json, csrf_token)
        );
        if value.len() > LARGEST {
            return;
        }
        let cookie = set(COOKIE, &value, LASTS_S, app);
        headers.extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    }
}

impl Arrival {
    /// As far as it is known.
    pub(super) fn of(what: &str, applied: &Applied) -> Self {
        Self {
            what: what.to_owned(),
            revision: applied.revision,
            applied: applied.applied,
            gateways: applied.gateways,
            after_ms: applied.after_ms,
        }
    }

    /// Whether it holds everywhere.
    pub(super) const fn is_everywhere(&self) -> bool {
        self.applied >= self.gateways
    }
}

/// What a browser brings that was made for this session.
pub(super) fn brought(headers: &HeaderMap, csrf_token: &str) -> Option<Notice> {
    let value = value(headers, COOKIE)?;
    let (json, sealed) = value.split_once('.')?;
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(json).ok()?).ok()?;
    if seal(&json, csrf_token) != sealed {
        return None;
    }
    serde_json::from_str(&json).ok()
}

/// Has the browser forget it.
pub(super) fn forget(headers: &mut HeaderMap, app: &App) {
    let cookie = set(COOKIE, "", 0, app);
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// What nobody can make who does not know the session.
fn seal(json: &str, csrf_token: &str) -> String {
    digest(format!("portcullis notice of {csrf_token}: {json}").as_bytes()).to_string()
}
