//! The access profiles of one client, and what only one profile may have.

use std::collections::{HashMap, HashSet};

use portcullis_feed::{Digest, ProfileId, TokenIdentity};
use portcullis_store::{AccessMethod as StoredMethod, AccessProfile, Client, JwtKeys, ProfileName};

use super::Resolving;
use crate::app::access_profile::{AccessMethod, AccessProfileDraft};
use crate::app::configuration::document::{JwtDocument, ProfileDocument, SecretDocument};
use crate::app::configuration::matching::Matching;
use crate::app::configuration::step::{Keyed, Step};
use crate::app::jwt::{JwtDraft, SecretDraft};
use crate::app::world::Identifier as _;
use crate::app::{Refusal, Violation};

/// What documents give away.
#[derive(Default)]
pub(super) struct Given {
    identities: HashMap<TokenIdentity, ProfileId>,
    contested: Vec<Contested>,
    pub(super) key_ids: HashSet<String>,
    pub(super) digests: HashSet<Digest>,
}

/// An identity that another profile has, as long as that does not lose it.
struct Contested {
    identity: TokenIdentity,
    holder: ProfileName,
    pointer: String,
}

impl Resolving<'_> {
    /// Notes the profiles of a client that become different.
    pub(super) fn profiles(
        &mut self,
        client: &Client,
        documents: Vec<ProfileDocument>,
        place: &str,
    ) -> Result<(), Refusal> {
        let present = self.present;
        let of_client = present.profiles_of.get(&client.id);
        let of_client: Vec<_> = of_client
            .into_iter()
            .flatten()
            .filter_map(|id| present.profiles.get(id))
            .collect();
        let mut matching = Matching::among(
            "access profiles of the client",
            of_client.iter().map(|it| (it.name.clone(), it.id)),
            documents.iter().map(|document| document.name.as_str()),
        );
        for (index, document) in documents.into_iter().enumerate() {
            let place = format!("{place}/access_profiles/{index}");
            self.profile(client, document, &mut matching, &place)?;
        }
        if self.terms.scope.access_profiles {
            let gone = of_client
                .into_iter()
                .filter(|it| !matching.has_claimed(it.id));
            for profile in gone {
                let keyed = self.keyed(profile, client);
                self.steps.profiles.push(Step::removal(keyed));
            }
        }
        Ok(())
    }

    fn profile(
        &mut self,
        client: &Client,
        document: ProfileDocument,
        matching: &mut Matching<ProfileId>,
        place: &str,
    ) -> Result<(), Refusal> {
        let Some(id) = self.settle(matching, document.id, document.name.as_str(), place) else {
            return Ok(());
        };
        let before = id.and_then(|id| self.present.profiles.get(&id));
        let before = before.filter(|before| before.client_id == client.id);
        if before.is_none() && id.is_some_and(|id| self.is_of_another(id)) {
            self.violate(
                format!("{place}/id"),
                "a profile cannot move to another client",
            );
            return Ok(());
        }
        let is_made_up = id.is_none();
        let id = id.map_or_else(|| ProfileId::new(&self.terms.world), Ok)?;
        let before_keys = self.present.keys.get(&id);
        let before_keys = before_keys.filter(|_| before.is_some());
        let before_keys = before_keys.cloned().unwrap_or_default();
        let (documents, created_at) = (document.keys.clone(), document.created_at);
        let Some(mut after) = self.record(client, document, id, before, place)? else {
            return Ok(());
        };
        after.created_at_ms = self.created_at(before.map(|it| it.created_at_ms), created_at);
        let keys = match documents {
            Some(documents) => self.keys(id, &before_keys, documents, place)?,
            None => before_keys.clone(),
        };
        if before == Some(&after) && keys == before_keys {
            self.steps.unchanged += 1;
            return Ok(());
        }
        if before != Some(&after) {
            after.updated_at_ms = self.terms.now_ms;
        }
        let before = before.map(|profile| Keyed {
            profile: profile.clone(),
            keys: before_keys,
            client_name: client.name.clone(),
        });
        let after = Keyed {
            profile: after,
            keys,
            client_name: client.name.clone(),
        };
        self.steps
            .profiles
            .push(Step::new(before, after, is_made_up));
        Ok(())
    }

    /// The record that a document describes, with the times of the one before it.
    fn record(
        &mut self,
        client: &Client,
        mut document: ProfileDocument,
        id: ProfileId,
        before: Option<&AccessProfile>,
        place: &str,
    ) -> Result<Option<AccessProfile>, Refusal> {
        let violations = self.violations.len();
        let mut collections = Vec::new();
        for (index, reference) in document.collections.iter().enumerate() {
            match self.labels.collection(reference) {
                Ok(id) => collections.push(id),
                Err(detail) => self.violate(format!("{place}/collections/{index}"), detail),
            }
        }
        let policy = document.policy.as_ref().map(|it| self.labels.policy(it));
        let policy_id = match policy.transpose() {
            Ok(id) => id,
            Err(detail) => {
                self.violate(format!("{place}/policy"), detail);
                None
            }
        };
        let kept = match document.jwt.as_mut() {
            Some(jwt) => match self.kept_keys(jwt, id, document.id.is_some(), before) {
                Ok(kept) => kept,
                Err(flaw) => {
                    self.violate(format!("{place}{}", flaw.pointer), flaw.detail);
                    None
                }
            },
            None => None,
        };
        if self.violations.len() > violations {
            return Ok(None);
        }
        let is_new_key_profile = before.is_none() && document.access_method == AccessMethod::ApiKey;
        if is_new_key_profile && document.keys.is_none() {
            let detail = format!(
                "the new access profile `{}` has no API key yet: give it one over REST",
                document.name.as_str()
            );
            self.notice(place.to_owned(), detail);
        }
        let draft = AccessProfileDraft {
            client_id: client.id,
            name: document.name,
            description: document.description,
            collections,
            policy_id,
            access_method: document.access_method,
            jwt: document.jwt.map(drafted),
            key_expires_at: None,
            addresses: document.addresses,
            enabled: document.enabled,
            expires_at: document.expires_at,
            observe: document.observe,
        };
        let times = before.map_or([self.terms.now_ms; 2], |before| {
            [before.created_at_ms, before.updated_at_ms]
        });
        let networks = &self.terms.networks;
        let judged = draft.into_profile(id, times, kept.as_ref(), networks);
        let Some((profile, notices)) = self.taken(place, judged)? else {
            return Ok(None);
        };
        for notice in notices {
            self.notice(format!("{place}{}", notice.pointer), notice.detail);
        }
        self.take_identity(&profile, place);
        Ok(Some(profile))
    }

    /// The keys of tokens that the document does not show: sealed ones, or those that are there and stay.
    fn kept_keys(
        &self,
        jwt: &mut JwtDocument,
        id: ProfileId,
        has_id: bool,
        before: Option<&AccessProfile>,
    ) -> Result<Option<JwtKeys>, Violation> {
        let at = |pointer: &str, detail: &str| Err(Violation::new(pointer, detail));
        let secret = jwt.secret.clone().unwrap_or_default();
        let forms = [
            secret.value.is_some(),
            secret.sealed.is_some(),
            secret.withheld,
        ];
        if jwt.secret.is_some() && forms.iter().filter(|is_given| **is_given).count() != 1 {
            let detail = "exactly one of `value`, `sealed` and `withheld: true` is expected";
            return at("/jwt/secret", detail);
        }
        if secret.encoding.is_some() && secret.value.is_none() {
            return at("/jwt/secret/encoding", "it needs a `value`");
        }
        if let Some(sealed) = &secret.sealed {
            const AT: &str = "/jwt/secret/sealed";
            let Some(key) = &self.terms.secrets_key else {
                return at(
                    AT,
                    "the key is needed under which it was exported (`--secrets-key`)",
                );
            };
            if !has_id {
                return at(
                    AT,
                    "a sealed secret opens only for a profile whose `id` is given",
                );
            }
            jwt.secret = None;
            return match key.open(&id.to_string(), sealed) {
                Ok(secret) => Ok(Some(JwtKeys::Secret(portcullis_feed::SecretOctets(secret)))),
                Err(_) => at(
                    AT,
                    "it was sealed under another key or for another profile, or altered",
                ),
            };
        }
        if !secret.withheld {
            return Ok(None);
        }
        jwt.secret = None;
        match before.map(|before| &before.access) {
            Some(StoredMethod::Jwt(stored)) if matches!(stored.keys, JwtKeys::Secret(_)) => {
                Ok(Some(stored.keys.clone()))
            }
            _ => at(
                "/jwt/secret",
                "the secret is not in the document, and there is none that could stay",
            ),
        }
    }

    /// Makes sure that tokens cannot name two profiles.
    fn take_identity(&mut self, profile: &AccessProfile, place: &str) {
        let Some(identity) = identity_of(profile) else {
            return;
        };
        let pointer = format!("{place}/jwt/identity");
        if let Some(other) = self.given.identities.insert(identity.clone(), profile.id) {
            let detail =
                format!("the documents give this identity to the access profile `{other}` too");
            self.violate(pointer, detail);
            return;
        }
        let holder = self.present.identities.get(identity);
        if let Some(holder) = holder.filter(|holder| holder.id != profile.id) {
            self.given.contested.push(Contested {
                identity: identity.clone(),
                holder: holder.clone(),
                pointer,
            });
        }
    }

    /// When all profiles are known: holds what several want against what becomes of those who have it.
    pub(super) fn settle_identities(&mut self) {
        let contested = std::mem::take(&mut self.given.contested);
        if contested.is_empty() {
            return;
        }
        let steps = self.steps.profiles.iter();
        let becoming: HashMap<_, _> = steps
            .filter_map(|step| Some((step.before.as_ref()?.profile.id, step.after.as_ref())))
            .collect();
        for Contested {
            identity,
            holder,
            pointer,
        } in contested
        {
            let keeps = becoming.get(&holder.id).is_none_or(|after| {
                let identity_after = after.and_then(|after| identity_of(&after.profile));
                identity_after == Some(&identity)
            });
            if keeps {
                let detail = format!(
                    "this is the identity of the access profile `{}` ({}) already",
                    holder.name, holder.id
                );
                self.violations.push(Violation::new(pointer, detail));
            }
        }
    }

    fn is_of_another(&self, id: ProfileId) -> bool {
        self.present.owners.contains_key(&id) || self.present.profiles.contains_key(&id)
    }

    fn keyed(&self, profile: &AccessProfile, client: &Client) -> Keyed {
        Keyed {
            profile: profile.clone(),
            keys: self
                .present
                .keys
                .get(&profile.id)
                .cloned()
                .unwrap_or_default(),
            client_name: client.name.clone(),
        }
    }
}

fn identity_of(profile: &AccessProfile) -> Option<&TokenIdentity> {
    match &profile.access {
        StoredMethod::Jwt(jwt) => jwt.identity.as_ref(),
        StoredMethod::ApiKey => None,
    }
}

fn drafted(document: JwtDocument) -> JwtDraft {
    JwtDraft {
        algorithm: document.algorithm,
        key: document.key,
        secret: document.secret.and_then(secret),
        jwks_url: document.jwks_url,
        discover_from: document.discover_from,
        identity: document.identity,
        issuers: document.issuers,
        audiences: document.audiences,
        required_claims: document.required_claims,
        max_lifetime_s: document.max_lifetime_s,
        allows_no_expiry: document.allows_no_expiry,
    }
}

fn secret(document: SecretDocument) -> Option<SecretDraft> {
    let encoding = document.encoding.unwrap_or_default();
    document.value.map(|value| SecretDraft { value, encoding })
}
