//! The tokens of robots: pipelines and scripts that manage records, each with no more rights than it needs.

use portcullis_engine::api_key::digest;
use portcullis_feed::RobotTokenId;
use portcullis_store::{Author, RobotToken};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::condition::Condition;
use super::draft::Patch;
use super::once::Once;
use super::page::Page;
use super::role::{RESOURCES, RoleName};
use super::text::{Description, Name, stored_description, stored_name};
use super::time::Moment;
use super::world::Identifier as _;
use super::{App, Refusal, Violation};

/// How many tokens there are at most.
const MOST: usize = 1_000;

/// A token as an operator asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RobotTokenDraft {
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default)]
    pub description: Option<Description>,
    /// What it may do at most.
    pub role: RoleName,
    /// What it is good for, by the first part of paths, such as `clients` and `access-profiles`. Everything that its role
    /// permits, when absent.
    #[serde(default)]
    #[schema(example = json!(["clients", "access-profiles"]))]
    pub resources: Option<Vec<String>>,
    /// When it stops opening anything. Never, when absent.
    #[serde(default)]
    pub expires_at: Option<Moment>,
}

/// A token in the one moment when it is known.
pub struct NewRobotToken {
    /// What is shown once.
    pub token: String,
    /// What is kept.
    pub record: RobotToken,
}

impl App {
    /// Makes a token.
    ///
    /// # Errors
    /// When it would have ended already, there are too many, or it is narrowed to what there is not.
    pub async fn create_robot_token<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<NewRobotToken, A>,
        draft: RobotTokenDraft,
    ) -> Result<A, Refusal> {
        self.refuse_past("/expires_at", draft.expires_at.map(Moment::as_ms))?;
        let token = self.world.new_token("ptr_")?;
        let record = draft.into_token(RobotToken {
            id: RobotTokenId::new(&self.world)?,
            digest: digest(token.as_bytes()),
            name: String::new(),
            description: None,
            role: portcullis_store::Role::Viewer,
            resources: None,
            created_at_ms: self.world.clock.now_ms(),
            expires_at_ms: None,
            last_used_at_ms: None,
        })?;
        let now_ms = record.created_at_ms;
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        if edit.read().robot_tokens(None, u32::MAX).await?.len() >= MOST {
            return Err(Refusal::TooManyRobotTokens { most: MOST });
        }
        edit.put_robot_token(&record).await?;
        let made = NewRobotToken { token, record };
        once.commit(edit, made, Vec::new(), now_ms).await
    }

    /// A token.
    ///
    /// # Errors
    /// When there is none.
    pub async fn robot_token(&self, id: RobotTokenId) -> Result<RobotToken, Refusal> {
        let found = self.store.read().await?.robot_token(id).await?;
        found.ok_or_else(|| unknown(id))
    }

    /// A page of the tokens.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn robot_tokens(
        &self,
        after: Option<RobotTokenId>,
        limit: u32,
    ) -> Result<Page<RobotToken>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot
            .robot_tokens(after, limit.saturating_add(1))
            .await?;
        Ok(Page::cut_by(found, limit, |token| token.id.to_string()))
    }

    /// Makes a token different: from now on.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or the outcome could not be created either.
    pub async fn change_robot_token(
        &self,
        author: &Author,
        id: RobotTokenId,
        condition: Condition<RobotToken>,
        patch: Patch,
    ) -> Result<RobotToken, Refusal> {
        let mut edit = self.edit(author).await?;
        let before = edit
            .read()
            .robot_token(id)
            .await?
            .ok_or_else(|| unknown(id))?;
        condition.examine("token", &before)?;
        let draft = patch.applied_to(&RobotTokenDraft::from(&before))?;
        let expires_at_ms = draft.expires_at.map(Moment::as_ms);
        if expires_at_ms != before.expires_at_ms {
            self.refuse_past("/expires_at", expires_at_ms)?;
        }
        let token = draft.into_token(before)?;
        edit.put_robot_token(&token).await?;
        edit.commit().await?;
        Ok(token)
    }

    /// Withdraws a token: from now on it opens nothing.
    ///
    /// # Errors
    /// When there is none, or it is not what the condition asks for.
    pub async fn delete_robot_token(
        &self,
        author: &Author,
        id: RobotTokenId,
        condition: Condition<RobotToken>,
    ) -> Result<(), Refusal> {
        let mut edit = self.edit(author).await?;
        let token = edit.read().robot_token(id).await?;
        condition.examine("token", &token.ok_or_else(|| unknown(id))?)?;
        edit.delete_robot_token(id).await?;
        edit.commit().await?;
        Ok(())
    }
}

impl RobotTokenDraft {
    fn into_token(self, before: RobotToken) -> Result<RobotToken, Refusal> {
        let mut resources = self.resources;
        if let Some(resources) = &mut resources {
            let known = |name: &String| RESOURCES.contains(&name.as_str());
            if let Some(index) = resources.iter().position(|name| !known(name)) {
                let detail = format!("one of `{}` is expected", RESOURCES.join("`, `"));
                let violation = Violation::new(format!("/resources/{index}"), detail);
                return Err(Refusal::Invalid(vec![violation]));
            }
            resources.sort_unstable();
            resources.dedup();
        }
        Ok(RobotToken {
            name: self.name.into(),
            description: self.description.map(String::from),
            role: self.role.into(),
            resources,
            expires_at_ms: self.expires_at.map(Moment::as_ms),
            ..before
        })
    }
}

impl From<&RobotToken> for RobotTokenDraft {
    fn from(token: &RobotToken) -> Self {
        Self {
            name: stored_name(&token.name),
            description: stored_description(token.description.as_deref()),
            role: token.role.into(),
            resources: token.resources.clone(),
            expires_at: token.expires_at_ms.map(Moment::from_ms),
        }
    }
}

fn unknown(id: RobotTokenId) -> Refusal {
    Refusal::NotFound {
        kind: "token",
        id: id.to_string(),
    }
}
