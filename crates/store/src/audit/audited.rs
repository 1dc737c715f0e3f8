//! How records stand in the audit: by the names that REST has for their members, without anything secret. What only
//! says when a record was made or changed is left out, since the audit says that itself.

use portcullis_feed::{Digest, Jwk, SecretOctets};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{
    AccessMethod, AccessProfile, ApiKey, Client, Collection, FeedKey, Gateway, GatewayToken, Jwt,
    JwtKeys, KeySet, KeySetSource, OperatorToken, Policy, SecretKey,
};

/// A record whose changes are entered.
pub(crate) trait Audited {
    /// What it is.
    const KIND: &'static str;

    /// By which it is found.
    fn object_id(&self) -> String;

    /// What people call it.
    fn object_name(&self) -> Option<String>;

    /// What it is like.
    fn state(&self, secret_key: &SecretKey) -> Map<String, Value>;

    /// What a change to this is called.
    fn change(&self) -> &'static str {
        "change"
    }
}

impl Audited for Client {
    const KIND: &'static str = "client";

    fn object_id(&self) -> String {
        self.id.to_string()
    }

    fn object_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("name", self.name.as_str().into()),
            ("description", json(&self.description)),
            ("enabled", self.enabled.into()),
            ("logo", json(&self.logo)),
        ])
    }
}

impl Audited for AccessProfile {
    const KIND: &'static str = "access_profile";

    fn object_id(&self) -> String {
        self.id.to_string()
    }

    fn object_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn state(&self, secret_key: &SecretKey) -> Map<String, Value> {
        let (access_method, jwt) = match &self.access {
            AccessMethod::ApiKey => ("api_key", Value::Null),
            AccessMethod::Jwt(jwt) => ("jwt", jwt_state(jwt, secret_key)),
        };
        members([
            ("client_id", json(&self.client_id)),
            ("name", self.name.as_str().into()),
            ("description", json(&self.description)),
            ("collections", json(&self.collections)),
            ("policy_id", json(&self.policy_id)),
            ("access_method", access_method.into()),
            ("jwt", jwt),
            ("addresses", json(&self.addresses)),
            ("enabled", self.enabled.into()),
            ("observe", self.observe.into()),
            ("expires_at", moment(self.expires_at_ms)),
        ])
    }
}

impl Audited for ApiKey {
    const KIND: &'static str = "key";

    fn object_id(&self) -> String {
        self.id.clone()
    }

    fn object_name(&self) -> Option<String> {
        None
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("profile_id", json(&self.profile_id)),
            ("expires_at", moment(self.expires_at_ms)),
            ("deprecated_at", moment(self.deprecated_at_ms)),
            ("revoked_at", moment(self.revoked_at_ms)),
            ("imported", self.imported.into()),
        ])
    }

    fn change(&self) -> &'static str {
        match self.revoked_at_ms {
            Some(_) => "revoke",
            None => "change",
        }
    }
}

impl Audited for Collection {
    const KIND: &'static str = "collection";

    fn object_id(&self) -> String {
        self.id.to_string()
    }

    fn object_name(&self) -> Option<String> {
        Some(format!("{} {}", self.name, self.version))
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("name", self.name.as_str().into()),
            ("version", self.version.as_str().into()),
            ("description", json(&self.description)),
            ("endpoints", json(&self.endpoints)),
            ("public", self.public.into()),
            ("allows_dubious_paths", self.allows_dubious_paths.into()),
        ])
    }
}

impl Audited for Policy {
    const KIND: &'static str = "policy";

    fn object_id(&self) -> String {
        self.id.to_string()
    }

    fn object_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("name", self.name.as_str().into()),
            ("description", json(&self.description)),
            ("rate_limit", json(&self.rate_limit)),
            ("quota", json(&self.quota)),
        ])
    }
}

impl Audited for GatewayToken {
    const KIND: &'static str = "gateway_token";

    fn object_id(&self) -> String {
        self.id.to_string()
    }

    fn object_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("name", self.name.as_str().into()),
            ("description", json(&self.description)),
            ("source", self.source.as_text().into()),
            ("expires_at", moment(self.expires_at_ms)),
        ])
    }
}

impl Audited for OperatorToken {
    const KIND: &'static str = "operator_token";

    fn object_id(&self) -> String {
        "operator_token".to_owned()
    }

    fn object_name(&self) -> Option<String> {
        None
    }

    fn state(&self, secret_key: &SecretKey) -> Map<String, Value> {
        let Digest(digest) = self.digest;
        members([
            ("source", self.source.as_text().into()),
            ("fingerprint", secret_key.fingerprint(&digest).into()),
        ])
    }
}

impl Audited for Gateway {
    const KIND: &'static str = "gateway";

    fn object_id(&self) -> String {
        self.report.instance.clone()
    }

    fn object_name(&self) -> Option<String> {
        Some(self.report.name.clone())
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("name", self.report.name.as_str().into()),
            ("version", self.report.version.as_str().into()),
            ("last_contact_at", moment(Some(self.last_contact_ms))),
        ])
    }
}

impl Audited for FeedKey {
    const KIND: &'static str = "feed_key";

    fn object_id(&self) -> String {
        self.key.public().id().to_string()
    }

    fn object_name(&self) -> Option<String> {
        None
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([("public_key", self.key.public().to_string().into())])
    }
}

impl Audited for KeySet {
    const KIND: &'static str = "key_set";

    fn object_id(&self) -> String {
        self.source.to_string()
    }

    fn object_name(&self) -> Option<String> {
        None
    }

    /// The keys alone: when a set was asked for is no change of records.
    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        let keys = self.keys.iter().map(|key| key_state(&key.key));
        members([("keys", keys.collect())])
    }
}

fn jwt_state(jwt: &Jwt, secret_key: &SecretKey) -> Value {
    let mut state = members([
        ("algorithm", json(&jwt.algorithm)),
        ("identity", json(&jwt.identity)),
        ("issuers", json(&jwt.issuers)),
        ("audiences", json(&jwt.audiences)),
        ("required_claims", json(&jwt.required_claims)),
        ("max_lifetime_s", jwt.max_lifetime_s.into()),
        ("allows_no_expiry", jwt.allows_no_expiry.into()),
    ]);
    let (name, value) = match &jwt.keys {
        JwtKeys::Pasted(keys) => ("keys", keys.iter().map(key_state).collect()),
        JwtKeys::Secret(SecretOctets(secret)) => {
            let fingerprint = secret_key.fingerprint(secret);
            let shown = members([("fingerprint", fingerprint.into())]);
            ("secret", Value::Object(shown))
        }
        JwtKeys::Followed(KeySetSource::Jwks { url }) => ("jwks_url", url.as_str().into()),
        JwtKeys::Followed(KeySetSource::Discovery { issuer }) => {
            ("discover_from", issuer.as_str().into())
        }
    };
    state.insert(name.to_owned(), value);
    Value::Object(state)
}

/// A public key by its name and the SHA-256 of its written form: enough to see that it is another one.
fn key_state(key: &Jwk) -> Value {
    let written = serde_json::to_vec(key).unwrap_or_default();
    let fingerprint = hexadecimal(Sha256::digest(written).iter().take(8));
    Value::Object(members([
        ("kid", json(&key.kid)),
        ("fingerprint", fingerprint.into()),
    ]))
}

pub(crate) fn hexadecimal<'b>(bytes: impl Iterator<Item = &'b u8>) -> String {
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// A moment in its written form (RFC 3339), as REST shows it.
pub(crate) fn moment(ms: Option<u64>) -> Value {
    let timestamp = ms.and_then(|ms| i64::try_from(ms).ok());
    let timestamp = timestamp.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    timestamp.map_or(Value::Null, |moment| moment.to_string().into())
}

/// A value in its written form. Those of records can all be written.
pub(crate) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

pub(crate) fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let owned = members.map(|(name, value)| (name.to_owned(), value));
    owned.into_iter().collect()
}
