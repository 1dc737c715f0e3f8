//! `?wait=applied`: a change that is answered when the gateways have applied it. One layer over all routes that change
//! records; those that change nothing for gateways refuse the parameter instead of ignoring it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use portcullis_feed::Revision;
use tokio::sync::watch;
use url::form_urlencoded;
use utoipa::IntoParams;

use super::answer::REVISION_HEADER;
use super::parameters::malformed;
use crate::app::App;
use crate::app::gateway::Applied;
use crate::problem::Problem;

const DEFAULT_TIMEOUT_S: u64 = 10;
const LONGEST_TIMEOUT_S: u64 = 60;

/// What the layer needs.
#[derive(Clone)]
pub struct Waiting {
    /// Knows what gateways have applied.
    pub app: Arc<App>,
    /// Becomes true when the process is about to stop.
    pub stopping: watch::Receiver<bool>,
}

/// Whether the answer waits for the gateways.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    /// `applied`: the answer is held back until all gateways that are connected or silent have applied the change, or
    /// the timeout. The change is made in either case, and the answer says who has it, in `applied`. Where the answer
    /// shows a key, that comes only then: who hangs up before never sees it.
    #[param(example = "applied")]
    pub wait: Option<String>,
    /// For how many seconds the answer is held back at most: 0 to 60, 10 when absent. Only beside `wait`.
    #[param(minimum = 0, maximum = 60, default = 10)]
    pub timeout: Option<u64>,
}

/// Over routes that change records: holds the answer back where that is asked for, and completes it.
pub async fn waited(
    State(mut waiting): State<Waiting>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if request.method() == Method::GET {
        refuse_any(request.uri())?;
        return Ok(next.run(request).await);
    }
    let timeout = timeout(request.uri())?;
    let answer = next.run(request).await;
    let (Some(timeout), Some(revision)) = (timeout, revision(&answer)) else {
        return Ok(answer);
    };
    let stopped = async {
        let _ = waiting.stopping.wait_for(|stopping| *stopping).await;
    };
    let applied = waiting.app.wait_applied(revision, timeout, stopped).await;
    Ok(completed(answer, &applied).await)
}

/// Over all other routes: says that there is nothing to wait for.
pub async fn refused(request: Request, next: Next) -> Result<Response, Problem> {
    refuse_any(request.uri())?;
    Ok(next.run(request).await)
}

/// The answer of an edit, which is a JSON object that is not empty, with one more member.
async fn completed(answer: Response, applied: &Applied) -> Response {
    let (mut parts, body) = answer.into_parts();
    // A body that was made in this process: nothing of it is still to come.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let body = match (body.strip_suffix(b"}"), serde_json::to_vec(applied)) {
        (Some(edited), Ok(applied)) => [edited, br#","applied":"#, &applied, b"}"].concat(),
        _ => body.to_vec(),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    (parts, Body::from(body)).into_response()
}

fn revision(answer: &Response) -> Option<Revision> {
    let revision = answer.headers().get(REVISION_HEADER)?;
    revision.to_str().ok()?.parse().ok()
}

/// For how long the answer is to be held back, if it is.
fn timeout(uri: &Uri) -> Result<Option<Duration>, Problem> {
    let asked = asked(uri)?;
    let (wait, timeout) = (asked.get("wait"), asked.get("timeout"));
    match wait.map(String::as_str) {
        Some("applied") => {}
        Some(_) => return Err(malformed("wait", "`wait` is `applied`")),
        None if timeout.is_some() => {
            return Err(malformed("timeout", "`timeout` needs `wait=applied`"));
        }
        None => return Ok(None),
    }
    let timeout = timeout.map_or(Ok(DEFAULT_TIMEOUT_S), |timeout| timeout.parse());
    match timeout {
        Ok(seconds @ ..=LONGEST_TIMEOUT_S) => Ok(Some(Duration::from_secs(seconds))),
        _ => {
            let detail = format!("`timeout` is 0 to {LONGEST_TIMEOUT_S} seconds");
            Err(malformed("timeout", &detail))
        }
    }
}

fn refuse_any(uri: &Uri) -> Result<(), Problem> {
    let Some(name) = asked(uri)?.into_keys().next() else {
        return Ok(());
    };
    let detail = format!("`{name}` has no meaning here: there is no change to wait for");
    Err(malformed(name, &detail))
}

/// The parameters of the query that are this layer's.
fn asked(uri: &Uri) -> Result<BTreeMap<&'static str, String>, Problem> {
    let mut asked = BTreeMap::new();
    let query = uri.query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let Some(name) = ["wait", "timeout"].into_iter().find(|known| *known == name) else {
            continue;
        };
        if asked.insert(name, value.into_owned()).is_some() {
            return Err(malformed(name, &format!("`{name}` stands there twice")));
        }
    }
    Ok(asked)
}
