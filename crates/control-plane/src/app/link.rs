//! Links that work once: by which the first operator comes, and by which any operator chooses a password.

use portcullis_engine::api_key::digest;
use portcullis_feed::OperatorId;
use portcullis_store::{Author, Link, LogInMethod, Operator, Password, Role, Who};
use serde::Deserialize;
use utoipa::ToSchema;

use super::email::Email;
use super::operator::{self, refuse_taken};
use super::password::NewPassword;
use super::session::{OpenedSession, Visitor};
use super::text::Name;
use super::{App, Refusal, Violation};

/// How long the link works by which the first operator comes. The next start makes another one.
const FIRST_LASTS_MS: u64 = 60 * 60 * 1000;

/// How long the link of an operator works.
const LASTS_MS: u64 = 3 * 24 * 60 * 60 * 1000;

/// A link in the one moment when it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownLink {
    /// What opens it: the page of links takes it in `token`.
    pub token: String,
    /// When it stops working: milliseconds since 1970, UTC.
    pub expires_at_ms: u64,
}

/// For whom a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkHolder {
    /// Whoever has it becomes the first operator.
    First,
    /// This operator chooses a password.
    Operator(Box<Operator>),
}

/// What the first operator says of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Newcomer {
    /// The name to log in with.
    pub email: Email,
    /// What people call them.
    pub name: Name,
}

impl App {
    /// Makes a link by which the first operator comes, if there is no operator yet.
    ///
    /// # Errors
    /// When the records are out of reach, or there is no randomness.
    pub async fn make_first_link(&self) -> Result<Option<ShownLink>, Refusal> {
        if self.store.read().await?.count_operators().await? > 0 {
            return Ok(None);
        }
        let (link, shown) = self.new_link(None)?;
        let mut edit = self.edit(&Author::system("start")).await?;
        edit.replace_link(&link).await?;
        edit.commit().await?;
        Ok(Some(shown))
    }

    /// Makes a link by which an operator chooses a password. Older ones of theirs stop working.
    ///
    /// # Errors
    /// When there is no such operator.
    pub async fn create_link(&self, author: &Author, id: OperatorId) -> Result<ShownLink, Refusal> {
        let (link, shown) = self.new_link(Some(id))?;
        let mut edit = self.edit(author).await?;
        let found = edit.read().operator(id).await?;
        found.ok_or_else(|| operator::unknown(id))?;
        edit.replace_link(&link).await?;
        edit.commit().await?;
        Ok(shown)
    }

    /// For whom a link is, as long as it works.
    ///
    /// # Errors
    /// When it does not work, or not any more.
    pub async fn link_holder(&self, token: &str) -> Result<LinkHolder, Refusal> {
        let mut snapshot = self.store.read().await?;
        let link = snapshot.link(digest(token.as_bytes())).await?;
        let link = link.filter(|link| link.expires_at_ms > self.world.clock.now_ms());
        match link.ok_or(Refusal::LinkSpent)?.operator_id {
            Some(id) => {
                let operator = snapshot.operator(id).await?;
                let operator = operator.filter(|operator| operator.enabled);
                let operator = operator.ok_or(Refusal::LinkSpent)?;
                Ok(LinkHolder::Operator(Box::new(operator)))
            }
            None if snapshot.count_operators().await? == 0 => Ok(LinkHolder::First),
            None => Err(Refusal::LinkSpent),
        }
    }

    /// Uses a link up: its holder has this password from now on, is logged out everywhere else, and logged in here. Of
    /// several who use it at the same time, one succeeds.
    ///
    /// # Errors
    /// When it does not work, or not any more, or the password is known to others.
    pub async fn use_link(
        &self,
        token: &str,
        newcomer: Option<Newcomer>,
        password: NewPassword,
        visitor: Visitor,
    ) -> Result<OpenedSession, Refusal> {
        let holder = self.link_holder(token).await?;
        let now_ms = self.world.clock.now_ms();
        let (mut operator, who) = match (holder, newcomer) {
            (LinkHolder::Operator(operator), _) => {
                let (id, name) = (operator.id, operator.name.clone());
                (*operator, Who::Operator { id, name })
            }
            (LinkHolder::First, Some(Newcomer { email, name })) => {
                let first = self.new_operator(email.into(), name.into(), Role::Admin)?;
                (first, Who::Newcomer)
            }
            (LinkHolder::First, None) => {
                let violations = ["/email", "/name"].map(|pointer| {
                    Violation::new(pointer, "the first operator has to say who they are")
                });
                return Err(Refusal::Invalid(violations.into()));
            }
        };
        refuse_public(&password, &operator)?;
        operator.password = Some(Password {
            hash: self.hashed(password).await?,
            changed_at_ms: now_ms,
        });
        operator.updated_at_ms = now_ms;
        let mut edit = self.edit(&visitor.author(who.clone())).await?;
        // Once more, now that nobody else can use it.
        let digest = digest(token.as_bytes());
        let link = edit.read().link(digest).await?.ok_or(Refusal::LinkSpent)?;
        if who == Who::Newcomer {
            if link.operator_id.is_some() || edit.read().count_operators().await? > 0 {
                return Err(Refusal::LinkSpent);
            }
            edit.delete_first_links().await?;
        } else {
            let present = edit.read().operator(operator.id).await?;
            let present = present.filter(|present| present.enabled);
            let present = present.ok_or(Refusal::LinkSpent)?;
            let (password, updated_at_ms) = (operator.password, operator.updated_at_ms);
            operator = Operator {
                password,
                updated_at_ms,
                ..present
            };
            edit.delete_link(digest).await?;
        }
        refuse_taken(&mut edit, &operator).await?;
        edit.end_sessions_of(operator.id, None).await?;
        self.open_session(edit, operator, LogInMethod::Link, &visitor)
            .await
    }

    /// A link that is not kept yet.
    pub(super) fn new_link(
        &self,
        operator_id: Option<OperatorId>,
    ) -> Result<(Link, ShownLink), Refusal> {
        let token = self.world.new_token("ptl_")?;
        let lasts_ms = operator_id.map_or(FIRST_LASTS_MS, |_| LASTS_MS);
        let expires_at_ms = self.world.clock.now_ms().saturating_add(lasts_ms);
        let link = Link {
            digest: digest(token.as_bytes()),
            operator_id,
            expires_at_ms,
        };
        let shown = ShownLink {
            token,
            expires_at_ms,
        };
        Ok((link, shown))
    }
}

/// A password that is the operator's name or address is one that others know.
pub(super) fn refuse_public(password: &NewPassword, operator: &Operator) -> Result<(), Refusal> {
    if password.is(&operator.email) || password.is(&operator.name) {
        let detail = "a password is not the name or the e-mail address of its operator";
        return Err(Refusal::Invalid(vec![Violation::new("/password", detail)]));
    }
    Ok(())
}
