//! `/session` and `/sessions`: who one is, logging in and out, and where one is logged in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portcullis_feed::{OperatorId, SessionId};
use portcullis_store::{LogInMethod, Role, Who};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Listed, ReadRefusals, WriteRefusals, shown_once};
use super::asked::{Asked, Draft, Named};
use super::listing::{after_name, limit};
use super::query::SessionQuery;
use crate::app::App;
use crate::app::role::RoleName;
use crate::app::session::{LogIn, OpenedSession, PasswordChange, PresentSession, csrf_token};
use crate::app::time::Moment;
use crate::identity::{self, Asking, By, Came};
use crate::problem::{Kind, Problem};

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Identity {
    /// What kind of author the audit names: `operator`, `token` for a robot's, `operator_token` for that of the
    /// environment or the first start.
    #[schema(example = "operator")]
    pub kind: &'static str,
    /// The identifier of the operator or the token.
    pub id: Option<String>,
    /// What people call them.
    pub name: String,
    /// What they may do.
    pub role: RoleName,
    /// What the token is good for, by the first part of paths. Everything that the role permits, when null.
    pub resources: Option<Vec<String>>,
    /// By which session the request comes. Null, when it comes by a token.
    pub session: Option<OwnSession>,
}

/// The session of who asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnSession {
    /// Its public name.
    #[schema(value_type = String, example = "se_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: SessionId,
    /// What requests that change something repeat in the header `x-csrf-token`, when they come by the cookie.
    pub csrf_token: String,
    /// When it ends, however much it is used.
    pub expires_at: Moment,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// Its public name.
    #[schema(value_type = String, example = "se_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: SessionId,
    /// Whose it is.
    #[schema(value_type = String, example = "op_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub operator_id: OperatorId,
    /// How it was opened.
    pub method: Method,
    /// From where it was opened.
    pub address: Option<String>,
    /// By what it was opened, in its own words.
    pub user_agent: Option<String>,
    /// When it was opened.
    pub created_at: Moment,
    /// When it was used last, to within a minute or so. After twelve hours without a use it has ended.
    pub last_used_at: Moment,
    /// When it ends, however much it is used.
    pub expires_at: Moment,
    /// Whether the request comes by it.
    pub current: bool,
}

/// How a session was opened.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By a password.
    Password,
    /// By a link that works once.
    Link,
    /// By an identity provider.
    SingleSignOn,
}

impl Session {
    fn of(stored: portcullis_store::Session, current: Option<SessionId>) -> Self {
        Self {
            current: Some(stored.id) == current,
            id: stored.id,
            operator_id: stored.operator_id,
            method: match stored.method {
                LogInMethod::Password => Method::Password,
                LogInMethod::Link => Method::Link,
                LogInMethod::SingleSignOn => Method::SingleSignOn,
            },
            address: stored.address,
            user_agent: stored.user_agent,
            created_at: Moment::from_ms(stored.created_at_ms),
            last_used_at: Moment::from_ms(stored.last_used_at_ms),
            expires_at: Moment::from_ms(stored.expires_at_ms),
        }
    }
}

/// Logs in
///
/// The answer sets a cookie that opens the session, and tells the token that requests which change something have to
/// repeat. After some failures an account, and an address, have to wait.
#[utoipa::path(post, path = "/session", operation_id = "log_in", tag = "sessions",
    request_body = LogIn,
    responses((status = 201, description = "Who one is now.", body = Identity),
        (status = 429, description = "There were too many failures: `retry-after` says for how many seconds to wait.",
            body = crate::problem::ProblemDetails, content_type = "application/problem+json"),
        WriteRefusals))]
pub async fn log_in(
    State(app): State<Arc<App>>,
    Ok(Came(visitor)): Result<Came, std::convert::Infallible>,
    headers: HeaderMap,
    Draft(log_in): Draft<LogIn>,
) -> Result<Response, Problem> {
    // Scripts outside of browsers say neither.
    let is_of_browser =
        headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    if is_of_browser {
        identity::refuse_other_sites(&headers, &app)?;
    }
    let opened = app.log_in(log_in, &visitor).await?;
    Ok((StatusCode::CREATED, answered(&opened, &app)).into_response())
}

/// Tells who one is
#[utoipa::path(get, path = "/session", operation_id = "read_session", tag = "sessions",
    responses((status = 200, description = "Who one is.", body = Identity), ReadRefusals))]
pub async fn read(
    State(app): State<Arc<App>>,
    Asking(asking): Asking,
    headers: HeaderMap,
    present: Result<PresentSession, Problem>,
) -> Response {
    let secret = identity::secret(&headers, &app);
    let session = present
        .ok()
        .zip(secret)
        .map(|(present, secret)| OwnSession {
            id: present.session.id,
            csrf_token: csrf_token(&secret),
            expires_at: Moment::from_ms(present.session.expires_at_ms),
        });
    let identity = Identity {
        kind: asking.who.kind(),
        id: asking.who.id(),
        name: asking.who.name().to_owned(),
        role: asking.role.into(),
        resources: asking.resources,
        session,
    };
    shown_once(Json(identity))
}

/// Logs out
#[utoipa::path(delete, path = "/session", operation_id = "log_out", tag = "sessions",
    responses((status = 204, description = "The session has ended."), WriteRefusals))]
pub async fn log_out(
    State(app): State<Arc<App>>,
    By(author): By,
    present: PresentSession,
) -> Result<Response, Problem> {
    app.end_session(&author, None, present.session.id).await?;
    Ok((StatusCode::NO_CONTENT, cookie(identity::ended(&app))).into_response())
}

/// Changes one's own password
///
/// One is logged out everywhere else, and this session goes on under another cookie and token.
#[utoipa::path(put, path = "/session/password", operation_id = "change_password", tag = "sessions",
    request_body = PasswordChange,
    responses((status = 200, description = "Who one is.", body = Identity), WriteRefusals))]
pub async fn change_password(
    State(app): State<Arc<App>>,
    Ok(Came(visitor)): Result<Came, std::convert::Infallible>,
    present: PresentSession,
    Draft(change): Draft<PasswordChange>,
) -> Result<Response, Problem> {
    let opened = app
        .change_password(present.operator.id, change, &visitor)
        .await?;
    Ok(answered(&opened, &app))
}

/// Lists sessions
///
/// One's own, or as an admin anybody's: those that have not ended.
#[utoipa::path(get, path = "/sessions", operation_id = "list_sessions", tag = "sessions",
    params(SessionQuery),
    responses((status = 200, description = "A page of the sessions.", body = Listed<Session>), ReadRefusals))]
pub async fn list(
    State(app): State<Arc<App>>,
    Asking(asking): Asking,
    Asked(query): Asked<SessionQuery>,
) -> Result<Json<Listed<Session>>, Problem> {
    let own = own_id(&asking.who);
    let of = match (query.operator_id.or(own), asking.role) {
        (of, Role::Admin) => of,
        (of, Role::Viewer | Role::Editor) if of.is_some() && of == own => of,
        _ => {
            let detail = "only operators with the role `admin` see the sessions of others";
            return Err(Problem::new(Kind::Forbidden, detail));
        }
    };
    let page = app
        .sessions(of, after_name(&query)?, limit(query.limit)?)
        .await?;
    Ok(Json(Listed::of(page, &query, |session| {
        Session::of(session, asking.session)
    })))
}

/// Ends a session
///
/// One's own, or as an admin anybody's: at once.
#[utoipa::path(delete, path = "/sessions/{id}", operation_id = "delete_session", tag = "sessions",
    params(("id" = String, Path, description = "The identifier of the session.")),
    responses((status = 204, description = "The session has ended."), WriteRefusals))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Asking(asking): Asking,
    By(author): By,
    Named(id): Named<SessionId>,
) -> Result<StatusCode, Problem> {
    let of = match (asking.role, own_id(&asking.who)) {
        (Role::Admin, _) => None,
        (Role::Viewer | Role::Editor, Some(own)) => Some(own),
        (Role::Viewer | Role::Editor, None) => {
            let detail = "a token without the role `admin` has no sessions to end";
            return Err(Problem::new(Kind::Forbidden, detail));
        }
    };
    app.end_session(&author, of, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

const fn own_id(who: &Who) -> Option<OperatorId> {
    match who {
        Who::Operator { id, .. } => Some(*id),
        Who::Robot { .. } | Who::OperatorToken { .. } | Who::Newcomer | Who::System { .. } => None,
    }
}

fn answered(opened: &OpenedSession, app: &App) -> Response {
    let identity = Identity {
        kind: "operator",
        id: Some(opened.operator.id.to_string()),
        name: opened.operator.name.clone(),
        role: opened.operator.role.into(),
        resources: None,
        session: Some(OwnSession {
            id: opened.session.id,
            csrf_token: csrf_token(&opened.secret),
            expires_at: Moment::from_ms(opened.session.expires_at_ms),
        }),
    };
    shown_once((cookie(identity::opened(opened, app)), Json(identity)))
}

fn cookie(value: Option<HeaderValue>) -> HeaderMap {
    value
        .into_iter()
        .map(|value| (header::SET_COOKIE, value))
        .collect()
}
