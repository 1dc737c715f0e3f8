//! Access profiles as they stand in files, with their keys and what their tokens have to be like.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;

use portcullis_feed::{Algorithm, Digest, ProfileId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::text::{KeyId, RecordReference};
use super::{is_false, is_true, objects_if_any};
use crate::app::access_profile::{AccessMethod, AddressLists};
use crate::app::client::enabled;
use crate::app::draft::{list, list_or_default, object_if_any, object_or_default};
use crate::app::jwt::{SecretEncoding, TokenIdentity, algorithms};
use crate::app::text::{Description, Name};
use crate::app::time::Moment;

/// What a client may use, from where, and how it proves itself. Known by its name among the profiles of its client
/// where the id is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileDocument {
    /// Its public name. A new one is made for a new profile, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "ap_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: Option<ProfileId>,
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// What it grants: 1 to 1,000 collections, each once, by id, by name, or by name and version.
    #[serde(deserialize_with = "list::<1_000, _, _>")]
    #[schema(min_items = 1, max_items = 1000)]
    pub collections: Vec<RecordReference>,
    /// How much of it: a policy by id or by name. Unlimited, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<RecordReference>,
    /// How its callers prove themselves.
    #[serde(default, skip_serializing_if = "is_api_key")]
    #[schema(default = "api_key")]
    pub access_method: AccessMethod,
    /// What their tokens have to be like: given with the access method `jwt`, and with no other.
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub jwt: Option<JwtDocument>,
    /// From which addresses.
    #[serde(
        default,
        deserialize_with = "object_or_default",
        skip_serializing_if = "has_none"
    )]
    pub addresses: AddressLists,
    /// Whether it may be used at all. True, when absent.
    #[serde(default = "enabled", skip_serializing_if = "is_true")]
    #[schema(default = true)]
    pub enabled: bool,
    /// When it stops working. Never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// Whether calls that it does not grant (by address, endpoint, collection or limit) are only noted, and pass. False,
    /// when absent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub observe: bool,
    /// When it was created: for new records only. Now, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
    /// Its API keys, by their digests. Keys that are not among them stay as they are.
    #[serde(
        default,
        deserialize_with = "objects_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub keys: Option<Vec<KeyDocument>>,
}

/// An API key: never the key itself. Known by its digest where the id is absent. That a key is revoked, or deprecated by
/// a newer one, is never taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyDocument {
    /// Its public id, the third part of the key. One is made up for a new key from elsewhere, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<KeyId>,
    /// SHA-256 of the whole key, in hexadecimal digits.
    #[schema(value_type = String, pattern = "^[0-9a-fA-F]{64}$")]
    pub digest: Digest,
    /// When it was issued or imported: for new keys only. Now, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
    /// When it stops working. Never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// Since when a newer key stands in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_at: Option<Moment>,
    /// When it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
    /// Whether it came from elsewhere: for new keys only. When absent, true for a key without an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<bool>,
}

/// What the tokens of a profile have to be like. Exactly one of `key`, `secret`, `jwks_url` and `discover_from` is
/// given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtDocument {
    /// How they are signed. `alg` of a token has to say the same.
    #[schema(schema_with = algorithms)]
    pub algorithm: Algorithm,
    /// A public key: the text of a PEM public key or certificate, or of an OpenSSH public key, or a JSON Web Key or set of
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub key: Option<Value>,
    /// A secret that is shared with whoever signs: for HS256, HS384 and HS512 alone.
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub secret: Option<SecretDocument>,
    /// The URL of a JSON Web Key Set, which is fetched again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://id.example.com/keys")]
    pub jwks_url: Option<String>,
    /// An identity provider that says itself where its keys are (OpenID Connect Discovery).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://id.example.com")]
    pub discover_from: Option<String>,
    /// The name that an identity provider has for the client, by which its tokens name this profile.
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub identity: Option<TokenIdentity>,
    /// Whom `iss` has to name one of: at most 20. Empty: anybody or nobody.
    #[serde(
        default,
        deserialize_with = "list_or_default::<20, _, _>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub issuers: Vec<String>,
    /// Of whom `aud` has to name at least one: at most 20. Empty: anybody or nobody.
    #[serde(
        default,
        deserialize_with = "list_or_default::<20, _, _>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub audiences: Vec<String>,
    /// Claims that have to be there, at most 20, and what they have to say; null where that does not matter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(example = json!({"scope": "orders", "email": null}))]
    pub required_claims: BTreeMap<String, Option<String>>,
    /// How far `exp` may be from `iat`, in seconds; `iat` is then required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    pub max_lifetime_s: Option<NonZeroU64>,
    /// Whether a token without `exp` is good too. False, when absent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allows_no_expiry: bool,
}

/// A secret in one of three forms: in clear, sealed, or not at all.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretDocument {
    /// The secret in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How `value` writes it. As text, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<SecretEncoding>,
    /// The secret as it was exported under a key for secrets. It opens with that key, and for the profile with the same
    /// `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "x1.9f86d081.…")]
    pub sealed: Option<String>,
    /// True says that there is a secret which is not in the document: the one that is kept stays.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withheld: bool,
}

impl fmt::Debug for JwtDocument {
    /// Without its keys: what is pasted by mistake may be a private one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtDocument({})", self.algorithm.name())
    }
}

impl fmt::Debug for SecretDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDocument")
    }
}

fn is_api_key(method: &AccessMethod) -> bool {
    *method == AccessMethod::ApiKey
}

fn has_none(addresses: &AddressLists) -> bool {
    addresses.allow.is_empty() && addresses.deny.is_empty()
}
