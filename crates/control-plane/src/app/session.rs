//! Sessions: how operators log in, for how long that lasts, and how it ends. What opens a session is known to the browser
//! alone; each log-in makes a new one, and the database has its digest.

use std::net::IpAddr;

use portcullis_engine::api_key::digest;
use portcullis_feed::{OperatorId, SessionId};
use portcullis_store::{Author, Edit, LogInMethod, Operator, Password, Session, Snapshot, Who};
use serde::Deserialize;
use utoipa::ToSchema;

use super::email::Email;
use super::link::refuse_public;
use super::page::Page;
use super::password::{EnteredPassword, NewPassword};
use super::role::Identity;
use super::throttle::Wait;
use super::uses::Used;
use super::world::Identifier as _;
use super::{App, Refusal, Violation};

/// How long a session lasts that is not used.
const IDLE_MS: u64 = 12 * 60 * 60 * 1000;

/// How long any session lasts.
const LASTS_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// How many sessions an operator has: each further one ends the oldest.
const MOST: usize = 20;

/// How many characters are kept of what a browser calls itself.
const LONGEST_USER_AGENT: usize = 200;

/// What somebody logs in with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// Who it is.
    pub email: Email,
    /// Their password.
    pub password: EnteredPassword,
}

/// A change of one's own password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present one.
    pub current_password: EnteredPassword,
    /// The one from now on.
    pub new_password: NewPassword,
}

/// From where somebody comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visitor {
    /// Their address, as far as it is known.
    pub address: Option<IpAddr>,
    /// What their browser calls itself.
    pub user_agent: Option<String>,
    /// The id of their request.
    pub request_id: Option<String>,
    /// The session that their browser has so far: it ends when another one is opened.
    pub session: Option<SessionId>,
}

/// A session in the one moment when that is known which opens it.
pub struct OpenedSession {
    /// What opens it.
    pub secret: String,
    /// What is kept.
    pub session: Session,
    /// Whose it is.
    pub operator: Operator,
}

/// A session that a request comes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentSession {
    /// Who asks.
    pub identity: Identity,
    /// Their session.
    pub session: Session,
    /// Whose it is.
    pub operator: Operator,
}

impl Visitor {
    /// As the author of what they change.
    #[must_use]
    pub fn author(&self, who: Who) -> Author {
        Author {
            who,
            request_id: self.request_id.clone(),
        }
    }
}

/// What a request that changes something has to repeat when it comes by a session: pages of other sites cannot know it.
#[must_use]
pub fn csrf_token(secret: &str) -> String {
    digest(format!("portcullis csrf token of {secret}").as_bytes()).to_string()
}

impl App {
    /// Lets an operator log in.
    ///
    /// # Errors
    /// When there is no such operator with this password, without telling what is wrong; or when they, or their address,
    /// failed too often.
    pub async fn log_in(&self, log_in: LogIn, visitor: &Visitor) -> Result<OpenedSession, Refusal> {
        let email = String::from(log_in.email);
        self.begin_attempt(&email, visitor)?;
        let known = self.store.read().await?.operator_by_email(&email).await?;
        let known = known.filter(|operator| operator.enabled);
        let hash = known
            .as_ref()
            .and_then(|operator| operator.password.clone());
        let entered = hash.clone().map(|password| password.hash);
        let is_good = self.is_password(log_in.password, entered).await?;
        let operator = known.filter(|_| is_good).ok_or(Refusal::LogInFailed)?;
        self.throttle.succeed(&email, visitor.address);
        let author = visitor.author(who(&operator));
        let mut edit = self.edit(&author).await?;
        // Once more, now that nobody else can change them.
        let operator = edit.read().operator(operator.id).await?;
        let is_same = |present: &Operator| present.enabled && present.password == hash;
        let operator = operator.filter(is_same).ok_or(Refusal::LogInFailed)?;
        self.open_session(edit, operator, LogInMethod::Password, visitor)
            .await
    }

    /// Who comes by what opens a session, as long as it lasts.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn present_session(&self, secret: &str) -> Result<Option<PresentSession>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let now_ms = self.world.clock.now_ms();
        let session = snapshot
            .session_opened_by(digest(secret.as_bytes()))
            .await?;
        let Some(session) = session.filter(|session| lasts(session, now_ms)) else {
            return Ok(None);
        };
        let operator = snapshot.operator(session.operator_id).await?;
        let Some(operator) = operator.filter(|operator| operator.enabled) else {
            return Ok(None);
        };
        self.uses
            .note(Used::Session(session.id), session.last_used_at_ms, now_ms);
        let identity = Identity {
            who: who(&operator),
            role: operator.role,
            resources: None,
            session: Some(session.id),
        };
        Ok(Some(PresentSession {
            identity,
            session,
            operator,
        }))
    }

    /// The sessions that last, of an operator or of all.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn sessions(
        &self,
        of: Option<OperatorId>,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Page<Session>, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let mut snapshot = self.store.read().await?;
        let (mut found, mut after) = (Vec::new(), after);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        loop {
            let portion = snapshot
                .sessions(of, after, limit.saturating_add(1))
                .await?;
            after = portion.last().map(|session| session.id);
            found.extend(portion.into_iter().filter(|session| lasts(session, now_ms)));
            if after.is_none() || found.len() > most {
                return Ok(Page::cut_by(found, limit, |session| session.id.to_string()));
            }
        }
    }

    /// Ends a session: one's own, or as an admin anybody's.
    ///
    /// # Errors
    /// When there is none that the author may end.
    pub async fn end_session(
        &self,
        author: &Author,
        of: Option<OperatorId>,
        id: SessionId,
    ) -> Result<(), Refusal> {
        let mut edit = self.edit(author).await?;
        let session = edit.read().session(id).await?;
        let is_meant = |session: &Session| of.is_none_or(|owner| owner == session.operator_id);
        session.filter(is_meant).ok_or_else(|| Refusal::NotFound {
            kind: "session",
            id: id.to_string(),
        })?;
        edit.delete_session(id).await?;
        edit.commit().await?;
        Ok(())
    }

    /// Changes the password of an operator who knows the present one. They are logged out everywhere else.
    ///
    /// # Errors
    /// When the present one is another, they failed too often, or the new one is known to others.
    pub async fn change_password(
        &self,
        id: OperatorId,
        change: PasswordChange,
        visitor: &Visitor,
    ) -> Result<OpenedSession, Refusal> {
        let operator = self.operator(id).await?;
        self.begin_attempt(&operator.email, visitor)?;
        let hash = operator.password.clone();
        let entered = hash.clone().map(|password| password.hash);
        if !self.is_password(change.current_password, entered).await? {
            return Err(wrong_password());
        }
        self.throttle.succeed(&operator.email, visitor.address);
        refuse_public(&change.new_password, &operator)?;
        let new = Password {
            hash: self.hashed(change.new_password).await?,
            changed_at_ms: self.world.clock.now_ms(),
        };
        let mut edit = self.edit(&visitor.author(who(&operator))).await?;
        let present = edit.read().operator(id).await?;
        let present = present.filter(|present| present.enabled && present.password == hash);
        let mut operator = present.ok_or_else(wrong_password)?;
        operator.updated_at_ms = new.changed_at_ms;
        operator.password = Some(new);
        edit.end_sessions_of(id, None).await?;
        self.open_session(edit, operator, LogInMethod::Password, visitor)
            .await
    }

    /// Opens a session of an operator, keeps what became of them, and commits.
    pub(super) async fn open_session(
        &self,
        mut edit: Edit,
        mut operator: Operator,
        method: LogInMethod,
        visitor: &Visitor,
    ) -> Result<OpenedSession, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let secret = self.world.new_token("pts_")?;
        let user_agent = visitor.user_agent.as_deref();
        let session = Session {
            id: SessionId::new(&self.world)?,
            digest: digest(secret.as_bytes()),
            operator_id: operator.id,
            method,
            address: visitor.address.map(|address| address.to_string()),
            user_agent: user_agent.map(|said| said.chars().take(LONGEST_USER_AGENT).collect()),
            created_at_ms: now_ms,
            last_used_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(LASTS_MS),
        };
        operator.last_log_in_at_ms = Some(now_ms);
        edit.put_operator(&operator).await?;
        if let Some(before) = visitor.session {
            edit.delete_session(before).await?;
        }
        for oldest in surplus(edit.read(), operator.id).await? {
            edit.delete_session(oldest).await?;
        }
        edit.insert_session(&session).await?;
        edit.commit().await?;
        Ok(OpenedSession {
            secret,
            session,
            operator,
        })
    }

    /// Forgets sessions and links that are over.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn forget_sessions(&self) -> Result<(), Refusal> {
        let now_ms = self.world.clock.now_ms();
        let mut edit = self.edit(&Author::system("forget sessions")).await?;
        edit.forget_sessions(now_ms, now_ms.saturating_sub(IDLE_MS))
            .await?;
        edit.commit().await?;
        Ok(())
    }

    fn begin_attempt(&self, email: &str, visitor: &Visitor) -> Result<(), Refusal> {
        let now_ms = self.world.clock.now_ms();
        let begun = self.throttle.begin(email, visitor.address, now_ms);
        begun.map_err(|Wait(wait_ms)| Refusal::TooManyAttempts {
            retry_after_s: wait_ms.div_ceil(1_000),
        })
    }
}

/// The sessions of an operator that are too many when one more is opened.
async fn surplus(snapshot: &mut Snapshot, id: OperatorId) -> Result<Vec<SessionId>, Refusal> {
    let mut sessions = snapshot.sessions(Some(id), None, u32::MAX).await?;
    let count = sessions.len().saturating_sub(MOST.saturating_sub(1));
    sessions.truncate(count);
    Ok(sessions.into_iter().map(|session| session.id).collect())
}

fn wrong_password() -> Refusal {
    let detail = "this is not the present password";
    Refusal::Invalid(vec![Violation::new("/current_password", detail)])
}

const fn lasts(session: &Session, now_ms: u64) -> bool {
    session.expires_at_ms > now_ms && now_ms.saturating_sub(session.last_used_at_ms) < IDLE_MS
}

pub(super) fn who(operator: &Operator) -> Who {
    Who::Operator {
        id: operator.id,
        name: operator.name.clone(),
    }
}
