//! What operators may do: a role permits what the smaller ones do, and a token may be good for parts of it only.

use portcullis_feed::SessionId;
use portcullis_store::{Author, Role, Who};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The parts of the REST interface that a token may be narrowed to: the first part of their paths. Those that decide who
/// may do what are none of them, since a narrowed token could widen itself there.
pub const RESOURCES: [&str; 11] = [
    "access-profiles",
    "audit",
    "clients",
    "collections",
    "configuration",
    "explain",
    "feed-keys",
    "gateway-tokens",
    "gateways",
    "policies",
    "usage",
];

/// What an operator may do. Each role permits what those before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Look at records.
    Viewer,
    /// Change clients, access profiles with their keys, collections and policies.
    Editor,
    /// Decide who may do that, by which tokens gateways come, and by which keys they are told; read the audit.
    Admin,
}

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub who: Who,
    /// What they may do.
    pub role: Role,
    /// To what they are narrowed, if they are.
    pub resources: Option<Vec<String>>,
    /// By which session they come, if by one.
    pub session: Option<SessionId>,
}

impl Identity {
    /// As the author of what they change.
    #[must_use]
    pub fn author(&self, request_id: Option<String>) -> Author {
        Author {
            who: self.who.clone(),
            request_id,
        }
    }

    /// Whether they may do what needs a role, in a part of the REST interface.
    #[must_use]
    pub fn may(&self, needed: Role, resource: &str) -> bool {
        let is_within = |resources: &Vec<String>| resources.iter().any(|known| known == resource);
        self.role >= needed && self.resources.as_ref().is_none_or(is_within)
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Editor => Self::Editor,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Viewer => Self::Viewer,
            RoleName::Editor => Self::Editor,
            RoleName::Admin => Self::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(role: Role, resources: Option<&[&str]>) -> Identity {
        Identity {
            who: Who::System { job: "test" },
            role,
            resources: resources.map(|list| list.iter().map(ToString::to_string).collect()),
            session: None,
        }
    }

    #[test]
    fn a_role_permits_what_smaller_ones_do() {
        for (place, role) in Role::ALL.into_iter().enumerate() {
            for (needed_place, needed) in Role::ALL.into_iter().enumerate() {
                let may = identity(role, None).may(needed, "clients");
                assert_eq!(may, place >= needed_place, "{role:?} {needed:?}");
            }
        }
    }

    #[test]
    fn who_is_narrowed_may_do_nothing_elsewhere() {
        let narrowed = identity(Role::Admin, Some(&["audit"]));
        assert!(narrowed.may(Role::Admin, "audit"));
        assert!(!narrowed.may(Role::Viewer, "clients"));
        assert!(!identity(Role::Admin, Some(&[])).may(Role::Viewer, "audit"));
    }
}
