//! The door for gateways: *give me what changed after revision R*, as [`portcullis_feed::CHANGES_PATH`] says it, and
//! *there is a key that I do not know*.

pub mod report;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use portcullis_feed::{Epoch, Revision, UnknownKey};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::app::changes::{Answer, Question};
use crate::problem::{Kind, Problem};

const LONGEST_WAIT_S: u64 = 60;
const DEFAULT_LIMIT: u32 = 1_000;
const LARGEST_LIMIT: u32 = 10_000;

/// What the door needs.
#[derive(Clone)]
pub struct Door {
    /// What gateways can do.
    pub app: Arc<App>,
    /// Becomes true when the process is about to stop.
    pub stopping: watch::Receiver<bool>,
}

/// The query of a gateway. Unknown members are left to newer control planes.
#[derive(Debug, Deserialize)]
pub struct Asked {
    epoch: Option<Epoch>,
    #[serde(default)]
    after: Revision,
    limit: Option<u32>,
    #[serde(default)]
    wait: u64,
}

/// Answers with the changes there are, or waits for the first one.
pub async fn changes(
    State(mut door): State<Door>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) =
        asked.map_err(|rejection| Problem::new(Kind::MalformedRequest, rejection.body_text()))?;
    let question = Question {
        epoch: asked.epoch,
        after: asked.after,
        limit: asked.limit.unwrap_or(DEFAULT_LIMIT),
    };
    if !(1..=LARGEST_LIMIT).contains(&question.limit) {
        let detail = format!("`limit` is 1 to {LARGEST_LIMIT}");
        return Err(Problem::new(Kind::MalformedRequest, detail));
    }
    if asked.wait > LONGEST_WAIT_S {
        let detail = format!("`wait` is at most {LONGEST_WAIT_S} seconds");
        return Err(Problem::new(Kind::MalformedRequest, detail));
    }
    let until = Instant::now() + Duration::from_secs(asked.wait);
    let mut newest = door.app.newest();
    loop {
        // Before the question: a commit in between wakes the wait that follows.
        newest.borrow_and_update();
        match door.app.changes(&question).await? {
            Answer::Page(page) => return Ok(axum::Json(page).into_response()),
            Answer::Gone => {
                let detail = "begin again from nothing, without `epoch` and with `after=0`";
                return Err(Problem::new(Kind::StateGone, detail));
            }
            Answer::Nothing => {}
        }
        let woken = async {
            tokio::select! {
                change = newest.changed() => change.is_ok(),
                _ = door.stopping.wait_for(|stopping| *stopping) => false,
            }
        };
        if timeout_at(until, woken).await != Ok(true) {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
}

/// Takes note that a token named a key that a profile does not have. Whatever comes of it, the gateway need not know.
pub async fn unknown_key(State(door): State<Door>, body: Bytes) -> Result<StatusCode, Problem> {
    let unknown: UnknownKey = serde_json::from_slice(&body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, error.to_string()))?;
    door.app.want_newer_keys(unknown.profile).await?;
    Ok(StatusCode::ACCEPTED)
}
