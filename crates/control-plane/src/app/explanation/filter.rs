//! The settings of the filter that a request meets, by the names that they have in its configuration. The control plane
//! does not know them: they stand in Envoy.

use std::collections::BTreeMap;

use portcullis_engine::{Gate, GateSettings, IdentityHeaders, InvalidName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::draft::object_or_default;

/// Settings of the filter, as they stand in its configuration: what is absent is as usual.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FilterDraft {
    /// The header in which callers send their key.
    #[schema(default = "api-token")]
    pub credential_header: Option<String>,
    /// The parameter of the query in which callers may send it.
    pub query_parameter: Option<String>,
    /// The headers that tell services who calls.
    #[serde(deserialize_with = "object_or_default")]
    #[schema(required = false, value_type = Option<IdentityHeadersDraft>)]
    pub identity_headers: IdentityHeadersDraft,
    /// Headers, and the claims of tokens that they tell services.
    #[schema(example = json!({"x-user-email": "email"}))]
    pub claim_headers: BTreeMap<String, String>,
    /// The header that tells Envoy's own rate limit filter what a request counts for.
    pub limit_header: Option<String>,
    /// What names the access profile of a token.
    #[serde(deserialize_with = "object_or_default")]
    #[schema(required = false, value_type = Option<TokenIdentityDraft>)]
    pub token_identity: TokenIdentityDraft,
    /// Whether services see the credential.
    pub forward_credential: bool,
    /// Whether CORS preflight requests pass for endpoints that exist.
    pub pass_preflight: bool,
    /// Whether every refusal is only noted.
    pub observe: bool,
}

/// The headers that tell services who calls.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityHeadersDraft {
    /// Tells the client's id.
    #[schema(default = "x-client-id")]
    pub client_id: Option<String>,
    /// Tells the client's name.
    #[schema(default = "x-client-name")]
    pub client_name: Option<String>,
    /// Tells the access profile's id.
    #[schema(default = "x-access-profile-id")]
    pub access_profile_id: Option<String>,
    /// Tells the collection.
    #[schema(default = "x-api-collection")]
    pub api_collection: Option<String>,
}

/// What names the access profile of a token.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenIdentityDraft {
    /// The claims, the first of which that says something decides.
    pub claims: Option<Vec<String>>,
    /// Whether the name of the key does where no claim says anything. True, when absent.
    #[schema(default = true)]
    pub key_id: Option<bool>,
}

impl FilterDraft {
    /// The header in which a key is sent.
    pub(super) fn credential_header(&self) -> String {
        let usual = GateSettings::default().credential_header;
        let chosen = self.credential_header.as_deref();
        chosen.map_or(usual, str::to_ascii_lowercase)
    }

    /// The gate with these settings.
    pub(super) fn into_gate(self) -> Result<Gate, InvalidName> {
        let usual = GateSettings::default();
        let names = IdentityHeaders::default();
        Gate::new(GateSettings {
            credential_header: self.credential_header.unwrap_or(usual.credential_header),
            query_parameter: self.query_parameter,
            identity_headers: IdentityHeaders {
                client_id: self.identity_headers.client_id.unwrap_or(names.client_id),
                client_name: self
                    .identity_headers
                    .client_name
                    .unwrap_or(names.client_name),
                access_profile_id: self
                    .identity_headers
                    .access_profile_id
                    .unwrap_or(names.access_profile_id),
                api_collection: self
                    .identity_headers
                    .api_collection
                    .unwrap_or(names.api_collection),
            },
            claim_headers: self.claim_headers.into_iter().collect(),
            limit_header: self.limit_header,
            token_claims: self.token_identity.claims.unwrap_or(usual.token_claims),
            names_by_key_id: self.token_identity.key_id.unwrap_or(usual.names_by_key_id),
            forwards_credential: self.forward_credential,
            passes_preflight: self.pass_preflight,
            observe: self.observe,
        })
    }
}
