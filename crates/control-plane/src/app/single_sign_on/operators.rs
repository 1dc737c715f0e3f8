//! Which operator somebody is for whom a provider vouches.

use std::str::FromStr;

use portcullis_store::{Edit, Operator, ProviderIdentity, Role};
use serde_json::{Map, Value};

use super::{ProviderSettings, RoleRule, RoleRules};
use crate::app::email::Email;
use crate::app::session::{Visitor, who};
use crate::app::text::Name;
use crate::app::{App, Refusal};

/// A text does not say which claims give which role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not `claim:value=role`, with the role `viewer`, `editor` or `admin`; several are separated by commas"
)]
pub struct InvalidRoleRules(String);

impl FromStr for RoleRules {
    type Err = InvalidRoleRules;

    fn from_str(text: &str) -> Result<Self, InvalidRoleRules> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let rule = |part: &str| {
            let (claim, rest) = part.split_once(':')?;
            let (value, role) = rest.rsplit_once('=')?;
            let role = Role::from_text(role)?;
            (!claim.is_empty() && !value.is_empty()).then(|| RoleRule {
                claim: claim.to_owned(),
                value: value.to_owned(),
                role,
            })
        };
        let rules = parts.map(|part| rule(part).ok_or_else(|| InvalidRoleRules(part.to_owned())));
        rules.collect::<Result<_, _>>().map(Self)
    }
}

impl RoleRules {
    /// The greatest role that claims give.
    fn role(&self, claims: &Map<String, Value>) -> Option<Role> {
        let fits = |rule: &&RoleRule| match claims.get(&rule.claim) {
            Some(Value::String(said)) => *said == rule.value,
            Some(Value::Array(list)) => {
                let mut said = list.iter().filter_map(Value::as_str);
                said.any(|said| said == rule.value)
            }
            _ => false,
        };
        self.0.iter().filter(fits).map(|rule| rule.role).max()
    }
}

impl App {
    /// The operator of claims that a provider vouches for, and an edit in their name: known by the provider's name for
    /// them, or the first time by their e-mail address; else a new one, if claims or the settings give them a role.
    pub(super) async fn admitted(
        &self,
        settings: &ProviderSettings,
        claims: &Map<String, Value>,
        visitor: &Visitor,
    ) -> Result<(Edit, Operator), Refusal> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let subject = text("sub").filter(|subject| (1..=255).contains(&subject.len()));
        let identity = ProviderIdentity {
            issuer: settings.issuer.clone(),
            subject: subject.ok_or(Refusal::NotAdmitted)?.to_owned(),
        };
        // An address that nobody has proven could be anybody's.
        let is_verified = claims.get("email_verified") == Some(&Value::Bool(true));
        let email = text("email").filter(|_| is_verified);
        let email = email.and_then(|email| Email::try_from(email.to_owned()).ok());
        let is_welcome = |email: &Email| {
            let mut domains = settings.domains.iter();
            settings.domains.is_empty()
                || domains.any(|domain| domain.eq_ignore_ascii_case(email.domain()))
        };
        let email = email.filter(is_welcome).ok_or(Refusal::NotAdmitted)?;
        let given = settings.roles.role(claims);

        let now_ms = self.world.clock.now_ms();
        let mut snapshot = self.store.read().await?;
        let known = match snapshot.operator_by_provider(&identity).await? {
            Some(known) => Some(known),
            None => {
                let known = snapshot.operator_by_email(email.as_str()).await?;
                known.filter(|known| known.provider.is_none())
            }
        };
        drop(snapshot);
        let named = text("name").and_then(|name| Name::try_from(name.to_owned()).ok());
        let operator = match known {
            Some(known) => known,
            None => {
                let name = named.map_or_else(|| email.as_str().to_owned(), String::from);
                let role = given.or(settings.default_role);
                self.new_operator(email.into(), name, role.ok_or(Refusal::NotAdmitted)?)?
            }
        };
        let mut edit = self.edit(&visitor.author(who(&operator))).await?;
        // Once more, now that nobody else can change them.
        let mut operator = edit.read().operator(operator.id).await?.unwrap_or(operator);
        let holder = edit.read().operator_by_email(&operator.email).await?;
        let is_free = holder.is_none_or(|holder| holder.id == operator.id);
        if !operator.enabled || !is_free {
            return Err(Refusal::NotAdmitted);
        }
        if operator.provider.as_ref() != Some(&identity) {
            operator.provider = Some(identity);
            operator.updated_at_ms = now_ms;
        }
        if let Some(given) = given.filter(|given| *given != operator.role) {
            let is_needed =
                operator.role == Role::Admin && !edit.read().has_admin_besides(operator.id).await?;
            if !is_needed {
                operator.role = given;
                operator.updated_at_ms = now_ms;
            }
        }
        edit.delete_first_links().await?;
        Ok((edit, operator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_role_that_claims_give_counts() {
        let rules: RoleRules = "groups:urn:x:platform=admin, groups:apis=editor,dept:ops=viewer"
            .parse()
            .unwrap();
        let role = |claims: &str| rules.role(&serde_json::from_str(claims).unwrap());
        assert_eq!(
            role(r#"{"groups": ["apis", "urn:x:platform"]}"#),
            Some(Role::Admin)
        );
        assert_eq!(
            role(r#"{"groups": "apis", "dept": "ops"}"#),
            Some(Role::Editor)
        );
        assert_eq!(role(r#"{"dept": "ops"}"#), Some(Role::Viewer));
        assert_eq!(role(r#"{"groups": ["other"], "dept": 7}"#), None);
        for text in [
            "groups",
            "groups:x",
            "groups:x=root",
            ":x=admin",
            "groups:=admin",
        ] {
            assert!(text.parse::<RoleRules>().is_err(), "{text}");
        }
        assert_eq!("".parse(), Ok(RoleRules::default()));
    }
}
