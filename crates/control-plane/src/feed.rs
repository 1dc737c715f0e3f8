//! The door for gateways: *give me what changed after revision R*, as [`portcullis_feed::CHANGES_PATH`] says it, and
//! *there is a key that I do not know*.

pub mod report;
pub mod usage;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use portcullis_engine::api_key::digest;
use portcullis_feed::signature::SIGNATURE_HEADER;
use portcullis_feed::{Digest, Position, Question, REPORT_HEADER, UnknownKey};
use portcullis_store::TokenName;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::app::changes::{Answer, WrittenPage};
use crate::problem::{Kind, Problem};

const LONGEST_WAIT_S: u32 = 60;
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

/// Answers with the changes there are, or waits for the first one. Whatever is wrong with the question, it is noted that
/// the gateway asks, with what it says of itself.
pub async fn changes(
    State(mut door): State<Door>,
    Extension(token): Extension<TokenName>,
    headers: HeaderMap,
    asked: Result<Query<Question>, QueryRejection>,
) -> Result<Response, Problem> {
    let after = asked.as_ref().map_or(0, |Query(asked)| asked.after);
    let report = headers.get(REPORT_HEADER).map(HeaderValue::as_bytes);
    // Open until it is answered, or the gateway goes away.
    let _open = door.app.note_question(&token, report, after);
    let Query(asked) =
        asked.map_err(|rejection| Problem::new(Kind::MalformedRequest, rejection.body_text()))?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        let detail = format!("`limit` is 1 to {LARGEST_LIMIT}");
        return Err(Problem::new(Kind::MalformedRequest, detail));
    }
    if asked.wait > LONGEST_WAIT_S {
        let detail = format!("`wait` is at most {LONGEST_WAIT_S} seconds");
        return Err(Problem::new(Kind::MalformedRequest, detail));
    }
    if !asked.nonce.as_deref().is_none_or(is_nonce) {
        let detail = "`nonce` is 16 to 64 hexadecimal digits in lower case";
        return Err(Problem::new(Kind::MalformedRequest, detail));
    }
    let until = Instant::now() + Duration::from_secs(asked.wait.into());
    let answer = door.answer(&asked, limit, until).await?;
    let (response, body) = match answer {
        Answer::Page(page) => {
            door.app.meters().count_bytes(page.as_ref());
            (page_response(page.clone()), page.digest())
        }
        Answer::Nothing => (StatusCode::NO_CONTENT.into_response(), digest(b"")),
        Answer::Gone => {
            let detail = "begin again from nothing, without `epoch` and with `after=0`";
            let problem = Problem::new(Kind::StateGone, detail);
            (problem.clone().into_response(), digest(&problem.json()))
        }
    };
    Ok(match asked.nonce {
        Some(nonce) => door.signed(response, &nonce, body),
        None => response,
    })
}

impl Door {
    /// The answer that there is by then.
    async fn answer(
        &mut self,
        asked: &Question,
        limit: u32,
        until: Instant,
    ) -> Result<Answer, Problem> {
        let mut newest = self.app.newest();
        // Who does not wait wants to know what there is now, though this process may not have heard of it.
        let position = asked.epoch.clone().filter(|_| asked.wait > 0);
        let position = position.map(|epoch| Position {
            epoch,
            revision: asked.after,
        });
        loop {
            // Before the question: a commit in between wakes the wait that follows.
            newest.borrow_and_update();
            let waits = position
                .as_ref()
                .is_some_and(|position| self.app.is_up_to_date(position));
            if !waits {
                let answer = self.app.changes(asked.epoch.as_ref(), asked.after, limit);
                let answer = answer.await?;
                if let Answer::Page(page) = &answer {
                    self.make_next(page, limit);
                }
                if !matches!(answer, Answer::Nothing) {
                    return Ok(answer);
                }
            }
            let woken = async {
                tokio::select! {
                    change = newest.changed() => change.is_ok(),
                    _ = self.stopping.wait_for(|stopping| *stopping) => false,
                }
            };
            if timeout_at(until, woken).await != Ok(true) {
                return Ok(Answer::Nothing);
            }
        }
    }

    /// Makes the next page while the gateway works on this one, which it will ask for.
    fn make_next(&self, page: &WrittenPage, limit: u32) {
        if let Some(next) = page.next().cloned() {
            let app = Arc::clone(&self.app);
            tokio::spawn(async move {
                // Whoever asks for it makes it again, and hears why that fails.
                let _ = app.changes(Some(&next.epoch), next.revision, limit).await;
            });
        }
    }

    fn signed(&self, mut response: Response, nonce: &str, body: Digest) -> Response {
        let signatures = self.app.sign(response.status().as_u16(), nonce, body);
        if let Ok(signatures) = HeaderValue::try_from(signatures) {
            response.headers_mut().insert(SIGNATURE_HEADER, signatures);
        }
        response
    }
}

fn page_response(page: WrittenPage) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], Bytes::from_owner(page)).into_response()
}

fn is_nonce(text: &str) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (16..=64).contains(&text.len()) && text.bytes().all(is_digit)
}

/// Takes note that a token named a key that a profile does not have. Whatever comes of it, the gateway need not know.
pub async fn unknown_key(State(door): State<Door>, body: Bytes) -> Result<StatusCode, Problem> {
    let unknown: UnknownKey = serde_json::from_slice(&body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, error.to_string()))?;
    door.app.want_newer_keys(unknown.profile).await?;
    Ok(StatusCode::ACCEPTED)
}
