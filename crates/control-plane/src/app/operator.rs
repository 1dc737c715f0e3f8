//! Operators: the people who manage records. There is always one of them who may decide about the others.

use portcullis_feed::OperatorId;
use portcullis_store::{Author, Edit, Operator, Role};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::enabled;
use super::condition::Condition;
use super::draft::Patch;
use super::email::{Email, stored_email};
use super::link::ShownLink;
use super::once::Once;
use super::page::Page;
use super::role::RoleName;
use super::text::{Name, stored_name};
use super::world::Identifier as _;
use super::{App, Refusal};

/// An operator as another one writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorDraft {
    /// The name to log in with. No two operators have the same.
    pub email: Email,
    /// What people call them.
    pub name: Name,
    /// What they may do.
    pub role: RoleName,
    /// A disabled operator can do nothing. True, when absent.
    #[serde(default = "enabled")]
    #[schema(default = true)]
    pub enabled: bool,
}

/// A new operator, in the one moment when their link is known.
pub struct InvitedOperator {
    /// What is kept.
    pub operator: Operator,
    /// By which they choose their password.
    pub link: ShownLink,
}

impl App {
    /// An operator who has never been here, with nothing yet to log in by.
    pub(super) fn new_operator(
        &self,
        email: String,
        name: String,
        role: Role,
    ) -> Result<Operator, Refusal> {
        let now_ms = self.world.clock.now_ms();
        Ok(Operator {
            id: OperatorId::new(&self.world)?,
            email,
            name,
            role,
            enabled: true,
            password: None,
            provider: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            last_log_in_at_ms: None,
        })
    }

    /// Adds an operator, and makes the link by which they choose their password.
    ///
    /// # Errors
    /// When another has the e-mail address.
    pub async fn create_operator<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<InvitedOperator, A>,
        draft: OperatorDraft,
    ) -> Result<A, Refusal> {
        let operator = Operator {
            enabled: draft.enabled,
            ..self.new_operator(draft.email.into(), draft.name.into(), draft.role.into())?
        };
        let (link, shown) = self.new_link(Some(operator.id))?;
        let now_ms = operator.created_at_ms;
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        refuse_taken(&mut edit, &operator).await?;
        edit.put_operator(&operator).await?;
        edit.replace_link(&link).await?;
        // Who could set the control plane up may come by being invited instead.
        edit.delete_first_links().await?;
        let invited = InvitedOperator {
            operator,
            link: shown,
        };
        once.commit(edit, invited, Vec::new(), now_ms).await
    }

    /// An operator.
    ///
    /// # Errors
    /// When there is none.
    pub async fn operator(&self, id: OperatorId) -> Result<Operator, Refusal> {
        let found = self.store.read().await?.operator(id).await?;
        found.ok_or_else(|| unknown(id))
    }

    /// A page of the operators.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn operators(
        &self,
        after: Option<OperatorId>,
        limit: u32,
    ) -> Result<Page<Operator>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot.operators(after, limit.saturating_add(1)).await?;
        Ok(Page::cut_by(found, limit, |operator| {
            operator.id.to_string()
        }))
    }

    /// Makes an operator different. Who is disabled is logged out everywhere.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, another has the e-mail address, or nobody would be left
    /// to decide about operators.
    pub async fn change_operator(
        &self,
        author: &Author,
        id: OperatorId,
        condition: Condition<Operator>,
        patch: Patch,
    ) -> Result<Operator, Refusal> {
        let mut edit = self.edit(author).await?;
        let before = edit.read().operator(id).await?.ok_or_else(|| unknown(id))?;
        condition.examine("operator", &before)?;
        let draft = patch.applied_to(&OperatorDraft::from(&before))?;
        let operator = Operator {
            email: draft.email.into(),
            name: draft.name.into(),
            role: draft.role.into(),
            enabled: draft.enabled,
            updated_at_ms: self.world.clock.now_ms(),
            ..before.clone()
        };
        refuse_taken(&mut edit, &operator).await?;
        if is_admin(&before) && !is_admin(&operator) {
            refuse_last_admin(&mut edit, id).await?;
        }
        if !operator.enabled {
            edit.end_sessions_of(id, None).await?;
        }
        edit.put_operator(&operator).await?;
        edit.commit().await?;
        Ok(operator)
    }

    /// Removes an operator, who is logged out everywhere. What they changed keeps their name in the audit.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or nobody would be left to decide about operators.
    pub async fn delete_operator(
        &self,
        author: &Author,
        id: OperatorId,
        condition: Condition<Operator>,
    ) -> Result<(), Refusal> {
        let mut edit = self.edit(author).await?;
        let operator = edit.read().operator(id).await?.ok_or_else(|| unknown(id))?;
        condition.examine("operator", &operator)?;
        if is_admin(&operator) {
            refuse_last_admin(&mut edit, id).await?;
        }
        edit.delete_operator(id).await?;
        edit.commit().await?;
        Ok(())
    }
}

impl From<&Operator> for OperatorDraft {
    fn from(operator: &Operator) -> Self {
        Self {
            email: stored_email(&operator.email),
            name: stored_name(&operator.name),
            role: operator.role.into(),
            enabled: operator.enabled,
        }
    }
}

fn is_admin(operator: &Operator) -> bool {
    operator.enabled && operator.role == Role::Admin
}

async fn refuse_last_admin(edit: &mut Edit, id: OperatorId) -> Result<(), Refusal> {
    let is_last = !edit.read().has_admin_besides(id).await?;
    if is_last {
        return Err(Refusal::LastAdmin);
    }
    Ok(())
}

pub(super) async fn refuse_taken(edit: &mut Edit, operator: &Operator) -> Result<(), Refusal> {
    let holder = edit.read().operator_by_email(&operator.email).await?;
    match holder {
        Some(holder) if holder.id != operator.id => Err(Refusal::EmailTaken {
            email: operator.email.clone(),
        }),
        _ => Ok(()),
    }
}

pub(super) fn unknown(id: OperatorId) -> Refusal {
    Refusal::NotFound {
        kind: "operator",
        id: id.to_string(),
    }
}
