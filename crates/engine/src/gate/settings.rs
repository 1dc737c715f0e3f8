//! The settings of one filter, as they are given, and what makes them possible.

use super::{Gate, fold, length_bit};

/// What one filter is told about requests: where credentials are, and how services learn who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateSettings {
    /// The header that carries an API key.
    pub credential_header: String,
    /// The parameter of the query that carries an API key, if any may.
    pub query_parameter: Option<String>,
    /// The headers that tell services who calls.
    pub identity_headers: IdentityHeaders,
    /// Which claims of tokens services are told, each in a header of its own: header and claim.
    pub claim_headers: Vec<(String, String)>,
    /// The header that tells Envoy's own rate limit filter what a request counts for, where a service counts for all
    /// gateways.
    pub limit_header: Option<String>,
    /// Which claims name the profile of a token: the first that says something decides.
    pub token_claims: Vec<String>,
    /// Whether the name of its key does where none of them says anything.
    pub names_by_key_id: bool,
    /// Whether services see the credential.
    pub forwards_credential: bool,
    /// Whether preflight requests (Fetch section 3.3.2) for endpoints that exist pass without a credential, which
    /// browsers never send with them.
    pub passes_preflight: bool,
    /// Whether every refusal is only noted.
    pub observe: bool,
}

/// The names of the headers that tell a service who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityHeaders {
    /// Carries the client's id.
    pub client_id: String,
    /// Carries the client's name, percent-encoded where it is not printable ASCII.
    pub client_name: String,
    /// Carries the access profile's id.
    pub access_profile_id: String,
    /// Carries the collection as `name/version`.
    pub api_collection: String,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        Self {
            client_id: "x-client-id".into(),
            client_name: "x-client-name".into(),
            access_profile_id: "x-access-profile-id".into(),
            api_collection: "x-api-collection".into(),
        }
    }
}

/// A setting cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be used here: {reason}")]
pub struct InvalidName {
    /// The name as written.
    pub name: String,
    reason: &'static str,
}

impl Default for GateSettings {
    fn default() -> Self {
        let claims = ["urn:portcullis:profile", "sub", "client_id", "azp"];
        Self {
            credential_header: "api-token".into(),
            query_parameter: None,
            identity_headers: IdentityHeaders::default(),
            claim_headers: vec![],
            limit_header: None,
            token_claims: claims.map(str::to_owned).into(),
            names_by_key_id: true,
            forwards_credential: false,
            passes_preflight: false,
            observe: false,
        }
    }
}

impl IdentityHeaders {
    fn names(&self) -> [&str; 4] {
        [
            &self.client_id,
            &self.client_name,
            &self.access_profile_id,
            &self.api_collection,
        ]
    }
}

impl Gate {
    /// Puts settings into force. Names of headers are taken in any case.
    ///
    /// # Errors
    /// When a name is not one of a header (RFC 9110 section 5.1), too long, reserved, or used twice.
    pub fn new(settings: GateSettings) -> Result<Self, InvalidName> {
        let mut known = vec![];
        let mut names = settings.identity_headers.names().to_vec();
        names.extend(settings.claim_headers.iter().map(|(header, _)| &**header));
        names.extend(settings.limit_header.as_deref());
        names.push(&settings.credential_header);
        for name in names {
            check_header_name(name)?;
            let folded: Vec<u8> = name.bytes().map(fold).collect();
            if known.contains(&folded) {
                return Err(invalid(name, "another setting uses the same header"));
            }
            known.push(folded);
        }
        if let Some(name) = &settings.query_parameter {
            check_parameter_name(name)?;
        }
        let claims = settings.claim_headers.iter().map(|(_, claim)| claim);
        if let Some(claim) = claims
            .chain(&settings.token_claims)
            .find(|it| it.is_empty())
        {
            return Err(invalid(claim, "a claim has a name"));
        }
        let lower = |name: &String| name.to_ascii_lowercase();
        let identity_headers = IdentityHeaders {
            client_id: lower(&settings.identity_headers.client_id),
            client_name: lower(&settings.identity_headers.client_name),
            access_profile_id: lower(&settings.identity_headers.access_profile_id),
            api_collection: lower(&settings.identity_headers.api_collection),
        };
        let claim_headers = settings.claim_headers.iter();
        let claim_headers: Vec<_> = claim_headers
            .map(|(header, claim)| (lower(header).into(), claim.as_str().into()))
            .collect();
        // The credential's header is none of the first ones: it may pass where it is not taken for an identity.
        known.truncate(known.len().saturating_sub(1));
        Ok(Self {
            credential_header: lower(&settings.credential_header).into_bytes().into(),
            query_parameter: settings.query_parameter.map(|it| it.into_bytes().into()),
            identity_lengths: known
                .iter()
                .fold(0, |lengths, name| lengths | length_bit(name.len())),
            ours: known.into_iter().map(Vec::into_boxed_slice).collect(),
            identity_headers,
            claim_headers,
            limit_header: settings.limit_header.as_ref().map(|it| lower(it).into()),
            token_claims: settings.token_claims.into_iter().map(Into::into).collect(),
            names_by_key_id: settings.names_by_key_id,
            forwards_credential: settings.forwards_credential,
            passes_preflight: settings.passes_preflight,
            observe: settings.observe,
        })
    }
}

fn invalid(name: &str, reason: &'static str) -> InvalidName {
    let name = name.to_owned();
    InvalidName { name, reason }
}

#[inline(never)]
fn check_header_name(name: &str) -> Result<(), InvalidName> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > 63 || !name.bytes().all(is_token) {
        let reason = "a header name has 1 to 63 characters of those in RFC 9110";
        return Err(invalid(name, reason));
    }
    const RESERVED: &str = "access-control-request-method authorization connection content-length content-type cookie \
                            host origin te transfer-encoding";
    // One text instead of a list: comparing with each of a known number is unrolled, and takes three kilobytes.
    if RESERVED
        .split(' ')
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
    {
        return Err(invalid(name, "this header has a meaning of its own"));
    }
    Ok(())
}

fn check_parameter_name(name: &str) -> Result<(), InvalidName> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if name.is_empty() || name.len() > 63 || !name.bytes().all(is_plain) {
        let reason =
            "the name of a parameter has 1 to 63 of `A-Z`, `a-z`, `0-9`, `-`, `.`, `_`, `~`";
        return Err(invalid(name, reason));
    }
    Ok(())
}
