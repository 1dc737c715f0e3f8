//! From records to documents: what an export says of each, and what differences are told in. A secret appears sealed or
//! not at all.

use portcullis_feed::{Jwk, SecretOctets};
use portcullis_store::{
    AccessMethod as StoredMethod, AccessProfile, ApiKey, Client, Collection, Jwt, JwtKeys,
    KeySetSource, Policy, SecretKey, StoreError,
};
use serde_json::{Value, json};

use super::document::{
    ClientDocument, CollectionDocument, EndpointDocument, JwtDocument, KeyDocument, KeyId,
    PolicyDocument, ProfileDocument, SecretDocument,
};
use super::labels::Labels;
use crate::app::access_profile::AccessMethod;
use crate::app::client::ClientDraft;
use crate::app::jwt::JwtDraft;
use crate::app::policy::PolicyDraft;
use crate::app::text::{stored_description, stored_name};
use crate::app::time::Moment;

pub(super) fn policy(policy: &Policy) -> PolicyDocument {
    let draft = PolicyDraft::from(policy);
    PolicyDocument {
        id: Some(policy.id),
        name: draft.name,
        description: draft.description,
        rate_limit: draft.rate_limit,
        quota: draft.quota,
        created_at: Some(Moment::from_ms(policy.created_at_ms)),
    }
}

pub(super) fn collection(collection: &Collection) -> CollectionDocument {
    let endpoints = collection.endpoints.iter();
    CollectionDocument {
        id: Some(collection.id),
        name: stored_name(&collection.name),
        version: stored_name(&collection.version),
        description: stored_description(collection.description.as_deref()),
        endpoints: endpoints
            .map(|endpoint| EndpointDocument {
                host: endpoint.host.clone(),
                method: endpoint.method.clone(),
                path: endpoint.path.clone(),
                enabled: endpoint.enabled,
            })
            .collect(),
        public: collection.public,
        allows_dubious_paths: collection.allows_dubious_paths,
        created_at: Some(Moment::from_ms(collection.created_at_ms)),
    }
}

/// A client without its profiles and its logo.
pub(super) fn client(client: &Client) -> ClientDocument {
    let draft = ClientDraft::from(client);
    ClientDocument {
        id: Some(client.id),
        name: draft.name,
        description: draft.description,
        enabled: draft.enabled,
        logo: None,
        created_at: Some(Moment::from_ms(client.created_at_ms)),
        access_profiles: None,
    }
}

/// A profile with its keys.
pub(super) fn profile(
    profile: &AccessProfile,
    keys: &[ApiKey],
    labels: &Labels,
    secrets_key: Option<&SecretKey>,
) -> Result<ProfileDocument, StoreError> {
    let collections = profile.collections.iter();
    let jwt = match &profile.access {
        StoredMethod::ApiKey => None,
        StoredMethod::Jwt(jwt) => Some(described_jwt(profile, jwt, secrets_key)?),
    };
    Ok(ProfileDocument {
        id: Some(profile.id),
        name: stored_name(&profile.name),
        description: stored_description(profile.description.as_deref()),
        collections: collections.map(|id| labels.to_collection(*id)).collect(),
        policy: profile.policy_id.map(|id| labels.to_policy(id)),
        access_method: AccessMethod::from(&profile.access),
        jwt,
        addresses: profile.addresses.clone().into(),
        enabled: profile.enabled,
        expires_at: profile.expires_at_ms.map(Moment::from_ms),
        observe: profile.observe,
        created_at: Some(Moment::from_ms(profile.created_at_ms)),
        keys: (!keys.is_empty()).then(|| keys.iter().map(key).collect()),
    })
}

pub(super) fn key(key: &ApiKey) -> KeyDocument {
    KeyDocument {
        id: Some(KeyId::stored(&key.id)),
        digest: key.digest,
        created_at: Some(Moment::from_ms(key.created_at_ms)),
        expires_at: key.expires_at_ms.map(Moment::from_ms),
        deprecated_at: key.deprecated_at_ms.map(Moment::from_ms),
        revoked_at: key.revoked_at_ms.map(Moment::from_ms),
        imported: key.imported.then_some(true),
    }
}

fn described_jwt(
    profile: &AccessProfile,
    jwt: &Jwt,
    secrets_key: Option<&SecretKey>,
) -> Result<JwtDocument, StoreError> {
    let draft = JwtDraft::from(jwt);
    let mut document = JwtDocument {
        algorithm: draft.algorithm,
        key: None,
        secret: None,
        jwks_url: None,
        discover_from: None,
        identity: draft.identity,
        issuers: draft.issuers,
        audiences: draft.audiences,
        required_claims: draft.required_claims,
        max_lifetime_s: draft.max_lifetime_s,
        allows_no_expiry: draft.allows_no_expiry,
    };
    match &jwt.keys {
        JwtKeys::Pasted(keys) => document.key = Some(key_set(keys)),
        JwtKeys::Secret(SecretOctets(secret)) => {
            let owner = profile.id.to_string();
            let sealed = secrets_key
                .map(|key| key.seal(&owner, secret))
                .transpose()?;
            document.secret = Some(SecretDocument {
                withheld: sealed.is_none(),
                sealed,
                ..SecretDocument::default()
            });
        }
        JwtKeys::Followed(KeySetSource::Jwks { url }) => document.jwks_url = Some(url.clone()),
        JwtKeys::Followed(KeySetSource::Discovery { issuer }) => {
            document.discover_from = Some(issuer.clone());
        }
    }
    Ok(document)
}

/// One key as it is, several as a set.
fn key_set(keys: &[Jwk]) -> Value {
    let shown = |key: &Jwk| serde_json::to_value(key).unwrap_or_default();
    match keys {
        [key] => shown(key),
        keys => json!({"keys": keys.iter().map(shown).collect::<Vec<_>>()}),
    }
}
