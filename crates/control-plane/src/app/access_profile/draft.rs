//! Access profiles as operators write them, and what makes one valid by itself.

use std::collections::HashSet;

use portcullis_engine::address::{self, AddressRules};
use portcullis_feed::{ClientId, CollectionId, PolicyId, ProfileId};
use portcullis_store::{AccessMethod as StoredMethod, AccessProfile, JwtKeys};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::client::enabled;
use crate::app::draft::{list, object_if_any, object_or_default};
use crate::app::jwt::JwtDraft;
use crate::app::key_set::Networks;
use crate::app::refusal::refuse_any;
use crate::app::text::{Description, Name, stored_description, stored_name};
use crate::app::time::Moment;
use crate::app::{Notice, Refusal, Violation};

/// An access profile as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessProfileDraft {
    /// Whose it is. It cannot move to another client.
    #[schema(value_type = String, example = "cl_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub client_id: ClientId,
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default)]
    pub description: Option<Description>,
    /// What it grants: 1 to 1,000 collections, each once.
    #[serde(deserialize_with = "list::<1_000, _, _>")]
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 1000)]
    pub collections: Vec<CollectionId>,
    /// How much of it. Unlimited, when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "po_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub policy_id: Option<PolicyId>,
    /// How its callers prove themselves.
    #[serde(default)]
    #[schema(default = "api_key")]
    pub access_method: AccessMethod,
    /// What their tokens have to be like: given with the access method `jwt`, and with no other.
    #[serde(default, deserialize_with = "object_if_any")]
    pub jwt: Option<JwtDraft>,
    /// When the first API key stops working. Never, when absent. Only for a new profile with the access method
    /// `api_key`.
    #[serde(default, skip_serializing)]
    pub key_expires_at: Option<Moment>,
    /// From which addresses.
    #[serde(default, deserialize_with = "object_or_default")]
    pub addresses: AddressLists,
    /// Whether it may be used at all. True, when absent.
    #[serde(default = "enabled")]
    #[schema(default = true)]
    pub enabled: bool,
    /// When it stops working. Never, when absent.
    #[serde(default)]
    pub expires_at: Option<Moment>,
    /// Whether calls that it does not grant (by address, endpoint, collection or limit) are only noted, and pass. False,
    /// when absent.
    #[serde(default)]
    pub observe: bool,
}

/// How the callers of a profile prove themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessMethod {
    /// By an API key.
    #[default]
    ApiKey,
    /// By a signed token.
    Jwt,
}

/// Addresses, CIDR blocks such as `10.0.0.0/8`, and ranges such as `10.0.0.1-10.0.0.9`, IPv4 and IPv6.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressLists {
    /// Only these may call: at most 10,000 entries. Empty: all.
    #[serde(default, deserialize_with = "list::<10_000, _, _>")]
    #[schema(required = false, example = json!(["203.0.113.0/24"]))]
    pub allow: Vec<String>,
    /// These may not, even when allowed: at most 10,000 entries.
    #[serde(default, deserialize_with = "list::<10_000, _, _>")]
    #[schema(required = false, example = json!([]))]
    pub deny: Vec<String>,
}

impl From<portcullis_feed::AddressLists> for AddressLists {
    fn from(stored: portcullis_feed::AddressLists) -> Self {
        Self {
            allow: stored.allow,
            deny: stored.deny,
        }
    }
}

impl AccessProfileDraft {
    pub(in crate::app) fn into_profile(
        self,
        id: ProfileId,
        [created_at_ms, updated_at_ms]: [u64; 2],
        kept: Option<&JwtKeys>,
        networks: &Networks,
    ) -> Result<(AccessProfile, Vec<Notice>), Refusal> {
        let mut addresses = portcullis_feed::AddressLists {
            allow: self.addresses.allow,
            deny: self.addresses.deny,
        };
        let mut violations = repetitions(&self.collections);
        if self.collections.is_empty() {
            let detail = "a profile grants at least one collection";
            violations.push(Violation::new("/collections", detail));
        }
        violations.extend(address_flaws(&addresses));
        let access = access(self.access_method, self.jwt, kept, networks)
            .map_err(|flaws| violations.extend(flaws));
        refuse_any(violations)?;
        let notices = [
            normalise("allow", &mut addresses.allow),
            normalise("deny", &mut addresses.deny),
        ];
        let profile = AccessProfile {
            id,
            client_id: self.client_id,
            name: self.name.into(),
            description: self.description.map(String::from),
            collections: self.collections,
            policy_id: self.policy_id,
            access: access.unwrap_or(StoredMethod::ApiKey),
            addresses,
            enabled: self.enabled,
            observe: self.observe,
            expires_at_ms: self.expires_at.map(Moment::as_ms),
            created_at_ms,
            updated_at_ms,
        };
        Ok((profile, notices.concat()))
    }
}

/// Which entries of lists of addresses are none.
#[must_use]
pub fn address_flaws(lists: &portcullis_feed::AddressLists) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (list, entries) in [("allow", &lists.allow), ("deny", &lists.deny)] {
        for (index, entry) in entries.iter().enumerate() {
            let alone = portcullis_feed::AddressLists {
                allow: vec![entry.clone()],
                deny: Vec::new(),
            };
            if let Err(invalid) = AddressRules::parse(&alone) {
                let pointer = format!("/addresses/{list}/{index}");
                violations.push(Violation::new(pointer, invalid));
            }
        }
    }
    violations
}

/// The access method, from the two members that say it.
fn access(
    method: AccessMethod,
    jwt: Option<JwtDraft>,
    kept: Option<&JwtKeys>,
    networks: &Networks,
) -> Result<StoredMethod, Vec<Violation>> {
    let flaw = |detail| Err(vec![Violation::new("/jwt", detail)]);
    match (method, jwt) {
        (AccessMethod::ApiKey, None) => Ok(StoredMethod::ApiKey),
        (AccessMethod::ApiKey, Some(_)) => {
            flaw("null is expected, because the access method is `api_key`")
        }
        (AccessMethod::Jwt, None) => {
            flaw("an object is expected, because the access method is `jwt`")
        }
        (AccessMethod::Jwt, Some(jwt)) => {
            let jwt = jwt.into_jwt(kept, networks)?;
            Ok(StoredMethod::Jwt(Box::new(jwt)))
        }
    }
}

/// Writes each entry of a list of addresses in the form that says what it covers.
fn normalise(list: &str, entries: &mut [String]) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        if let Some(normal) = address::normalised(entry) {
            notices.push(Notice {
                pointer: format!("/addresses/{list}/{index}"),
                detail: format!("`{entry}` is kept as `{normal}`, which covers the same"),
            });
            *entry = normal;
        }
    }
    notices
}

fn repetitions(collections: &[CollectionId]) -> Vec<Violation> {
    let mut seen = HashSet::new();
    collections
        .iter()
        .enumerate()
        .filter(|(_, id)| !seen.insert(**id))
        .map(|(index, id)| {
            Violation::new(
                format!("/collections/{index}"),
                format!("`{id}` is granted twice"),
            )
        })
        .collect()
}

impl From<&AccessProfile> for AccessProfileDraft {
    fn from(profile: &AccessProfile) -> Self {
        Self {
            client_id: profile.client_id,
            name: stored_name(&profile.name),
            description: stored_description(profile.description.as_deref()),
            collections: profile.collections.clone(),
            policy_id: profile.policy_id,
            access_method: AccessMethod::from(&profile.access),
            jwt: match &profile.access {
                StoredMethod::ApiKey => None,
                StoredMethod::Jwt(jwt) => Some(JwtDraft::from(&**jwt)),
            },
            key_expires_at: None,
            addresses: profile.addresses.clone().into(),
            enabled: profile.enabled,
            expires_at: profile.expires_at_ms.map(Moment::from_ms),
            observe: profile.observe,
        }
    }
}

impl From<&StoredMethod> for AccessMethod {
    fn from(stored: &StoredMethod) -> Self {
        match stored {
            StoredMethod::ApiKey => Self::ApiKey,
            StoredMethod::Jwt(_) => Self::Jwt,
        }
    }
}
