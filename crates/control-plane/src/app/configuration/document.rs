//! Configuration as it stands in files: all clients with their access profiles, collections and policies, or some of
//! them. What the documents mean is decided elsewhere.

mod logo;
mod profile;
mod text;

use portcullis_feed::{ClientId, CollectionId, PolicyId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::app::client::enabled;
use crate::app::draft::{Object, object_if_any, objects};
use crate::app::policy::{Quota, RateLimit};
use crate::app::text::{Description, Name};
use crate::app::time::Moment;

pub use logo::{InvalidPicture, Picture};
pub use profile::{JwtDocument, KeyDocument, ProfileDocument, SecretDocument};
pub use text::{FormVersion, InvalidKeyId, InvalidRecordReference, KeyId, RecordReference};

/// Clients with their access profiles and keys, API collections and access policies. A list that is absent says
/// nothing about its records. Records are known by their `id` or, where that is absent, by their name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The form of the document: 1, when absent.
    #[serde(default)]
    #[schema(value_type = u32, required = false, default = 1, minimum = 1, maximum = 1)]
    pub version: FormVersion,
    /// How much profiles may call.
    #[serde(
        default,
        deserialize_with = "objects_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub policies: Option<Vec<PolicyDocument>>,
    /// What is granted.
    #[serde(
        default,
        deserialize_with = "objects_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub collections: Option<Vec<CollectionDocument>>,
    /// Who calls.
    #[serde(
        default,
        deserialize_with = "objects_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub clients: Option<Vec<ClientDocument>>,
}

/// A policy, shared by many profiles. Known by its name where the id is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Its public name. A new one is made for a new policy, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "po_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: Option<PolicyId>,
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Over a short time. Unlimited, when absent.
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub rate_limit: Option<RateLimit>,
    /// Over a long time. Unlimited, when absent.
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub quota: Option<Quota>,
    /// When it was created: for new records only. Now, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
}

/// A named, versioned group of endpoints. Known by its name and version where the id is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectionDocument {
    /// Its public name. A new one is made for a new collection, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "co_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: Option<CollectionId>,
    /// What people call it; services receive it.
    pub name: Name,
    /// Which version of the API.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "v1")]
    pub version: Name,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// What it consists of: at most 10,000 endpoints. No other collection may claim one of them.
    #[serde(deserialize_with = "objects::<10_000, _, _>")]
    pub endpoints: Vec<EndpointDocument>,
    /// Whether anybody may call it, without a credential. False, when absent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
    /// Whether its service is safe with paths that some services read in another way than Envoy does. False, when
    /// absent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allows_dubious_paths: bool,
    /// When it was created: for new records only. Now, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
}

/// One operation of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointDocument {
    /// The host it is served on, without port, or `*.` and a parent domain. Any host, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "api.example.com")]
    pub host: Option<String>,
    /// An HTTP method in upper case, or `*` for any. `HEAD` goes where `GET` does.
    #[schema(example = "GET")]
    pub method: String,
    /// A path template: literal segments, `{name}` for one segment, and `/**` at the end for any rest.
    #[schema(example = "/orders/{id}")]
    pub path: String,
    /// A disabled endpoint answers as if it did not exist. True, when absent.
    #[serde(default = "enabled", skip_serializing_if = "is_true")]
    #[schema(default = true)]
    pub enabled: bool,
}

/// A client with its access profiles. Known by its name where the id is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientDocument {
    /// Its public name. A new one is made for a new client, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "cl_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub id: Option<ClientId>,
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// A disabled client can call nothing. True, when absent.
    #[serde(default = "enabled", skip_serializing_if = "is_true")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Its logo: a PNG, a JPEG or an SVG of at most 256 KiB, as base64. It stays what it is, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, content_encoding = "base64")]
    pub logo: Option<Picture>,
    /// When it was created: for new records only. Now, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Moment>,
    /// What it may use, and how it proves itself. Says nothing about its profiles, when absent.
    #[serde(
        default,
        deserialize_with = "objects_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub access_profiles: Option<Vec<ProfileDocument>>,
}

impl Configuration {
    /// Adds what another document says.
    pub fn append(&mut self, other: Self) {
        append(&mut self.policies, other.policies);
        append(&mut self.collections, other.collections);
        append(&mut self.clients, other.clients);
    }
}

fn append<T>(all: &mut Option<Vec<T>>, more: Option<Vec<T>>) {
    if let Some(more) = more {
        all.get_or_insert_default().extend(more);
    }
}

/// Reads a field that is a list of objects, or `null` for none.
pub(super) fn objects_if_any<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let values: Option<Vec<Object<T>>> = Option::deserialize(deserializer)?;
    Ok(values.map(|values| values.into_iter().map(|Object(value)| value).collect()))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for this form"
)]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for this form"
)]
pub(super) const fn is_true(value: &bool) -> bool {
    *value
}
