//! The checks of a request, in their order: [`Gate::decide`] is the whole of the rules on one page.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_feed::{Digest, KeyState};

use crate::api_key;
use crate::credential::Presentation;
use crate::decision::{Decision, Denial, DenialReason, Permit};
use crate::holder::{Holder, Record};
use crate::path::Path;
use crate::route::{RoutedCollection, Routes};

/// The records, as far as a decision needs them.
pub trait Registry {
    /// The routes of all collections, or none while the records are not complete.
    fn routes(&self) -> Option<Arc<Routes>>;

    /// Who holds the credential with this digest, when that is at hand.
    fn cached(&self, digest: &Digest) -> Option<Arc<Holder>>;

    /// Who holds the credential with this digest, wherever that has to be looked up.
    fn stored(&self, digest: &Digest) -> Option<Arc<Holder>>;
}

/// A request as it arrived: raw bytes, nothing decoded.
pub struct Request<'a> {
    /// All headers in their order, pseudo-headers (`:method`, `:authority`, `:path`) included, names in lower case.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// Finds the caller's address. Called only when a profile has address rules, since it may cost something.
    pub address: &'a dyn Fn() -> Option<IpAddr>,
}

/// The settings of one filter: where credentials are looked for and how services are told who calls.
#[derive(Debug, Clone)]
pub struct Gate {
    credential_header: Box<[u8]>,
    identity_headers: IdentityHeaders,
    /// Bit n is set when an identity header has n characters: most headers are told apart by that alone.
    identity_lengths: u64,
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

/// A setting names a header that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be used here: {reason}")]
pub struct InvalidHeaderName {
    /// The name as written.
    pub name: String,
    reason: &'static str,
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
    /// Puts settings into force. Names are taken in any case.
    ///
    /// # Errors
    /// When a name is not a header name (RFC 9110 section 5.1), too long, reserved, or used twice.
    pub fn new(
        credential_header: &str,
        identity_headers: &IdentityHeaders,
    ) -> Result<Self, InvalidHeaderName> {
        let mut known = vec![];
        for name in identity_headers
            .names()
            .into_iter()
            .chain([credential_header])
        {
            check_header_name(name)?;
            let folded: Vec<u8> = name.bytes().map(fold).collect();
            if known.contains(&folded) {
                return Err(InvalidHeaderName {
                    name: name.into(),
                    reason: "another setting uses the same header",
                });
            }
            known.push(folded);
        }
        let identity_headers = IdentityHeaders {
            client_id: identity_headers.client_id.to_ascii_lowercase(),
            client_name: identity_headers.client_name.to_ascii_lowercase(),
            access_profile_id: identity_headers.access_profile_id.to_ascii_lowercase(),
            api_collection: identity_headers.api_collection.to_ascii_lowercase(),
        };
        Ok(Self {
            credential_header: credential_header.to_ascii_lowercase().into_bytes().into(),
            identity_lengths: identity_headers
                .names()
                .iter()
                .fold(0, |lengths, name| lengths | length_bit(name.len())),
            identity_headers,
        })
    }

    /// The identity headers in force, in lower case.
    #[must_use]
    pub fn identity_headers(&self) -> &IdentityHeaders {
        &self.identity_headers
    }

    /// Decides on a request.
    ///
    /// `now_ms` tells milliseconds since 1970, and is asked only where something can expire. A caller who has not
    /// proved who it is learns only whether a credential is missing or invalid, and nothing of the routes.
    ///
    /// # Errors
    /// A [`Denial`] is the other outcome.
    pub fn decide<'a>(
        &self,
        request: &Request<'a>,
        registry: &impl Registry,
        now_ms: &dyn Fn() -> u64,
    ) -> Decision<'a> {
        let headers = self.read(request.headers);
        match check(&headers, request, registry, now_ms) {
            Ok((holder, collection)) => Ok(Permit {
                holder,
                collection,
                stripped: headers.stripped,
            }),
            Err(denial) => Err(Denial {
                stripped: headers.stripped,
                ..denial
            }),
        }
    }

    /// Reads the headers in one pass.
    fn read<'a>(&self, headers: &[(&'a [u8], &'a [u8])]) -> Headers<'a> {
        let mut read = Headers::default();
        for &(name, value) in headers {
            match name {
                b":method" => read.method = value,
                b":authority" => read.authority = value,
                b":path" => read.path = value,
                b"authorization" => {
                    let is_ours = read.presentation.note_authorization(value);
                    if is_ours {
                        read.strip(name);
                    }
                }
                _ if name == self.credential_header.as_ref() => {
                    read.presentation.note_key(value);
                    read.strip(name);
                }
                _ if self.claims_identity(name) => read.strip(name),
                _ => {}
            }
        }
        read
    }

    /// Whether a service might take this header for one of ours, however it spells names: some fold case, and some
    /// turn `-`, `_` and `.` into one another.
    fn claims_identity(&self, name: &[u8]) -> bool {
        self.identity_lengths & length_bit(name.len()) != 0
            && self.identity_headers.names().iter().any(|ours| {
                ours.len() == name.len() && ours.bytes().zip(name).all(|(a, &b)| fold(a) == fold(b))
            })
    }
}

#[derive(Default)]
struct Headers<'a> {
    method: &'a [u8],
    authority: &'a [u8],
    path: &'a [u8],
    presentation: Presentation<'a>,
    stripped: Vec<&'a [u8]>,
}

impl<'a> Headers<'a> {
    fn strip(&mut self, name: &'a [u8]) {
        if !self.stripped.contains(&name) {
            self.stripped.push(name);
        }
    }
}

fn check<'a>(
    headers: &Headers<'a>,
    request: &Request<'a>,
    registry: &impl Registry,
    now_ms: &dyn Fn() -> u64,
) -> Result<(Arc<Holder>, Arc<RoutedCollection>), Denial<'a>> {
    let routes = registry
        .routes()
        .ok_or_else(|| Denial::new(DenialReason::NotReady))?;
    let path =
        Path::parse(headers.path).map_err(|_| Denial::new(DenialReason::RequestAmbiguous))?;

    let holder = authenticate(&headers.presentation, registry).map_err(Denial::new)?;
    let denied = |reason| Denial::new(reason).of(&holder);
    is_usable(holder.record(), now_ms).map_err(denied)?;
    let addresses = &holder.record().addresses;
    if !addresses.is_empty() && !addresses.allows((request.address)()) {
        return Err(denied(DenialReason::AddressNotAllowed));
    }

    let endpoint = routes
        .find(headers.authority, headers.method, &path)
        .ok_or_else(|| denied(DenialReason::EndpointNotFound))?;
    let collection = &endpoint.collection;
    if !holder.record().collections.contains(&collection.id) {
        return Err(denied(DenialReason::CollectionNotGranted).to(collection));
    }
    if !endpoint.enabled {
        return Err(denied(DenialReason::EndpointDisabled).to(collection));
    }
    Ok((Arc::clone(&holder), Arc::clone(collection)))
}

fn authenticate(
    presentation: &Presentation<'_>,
    registry: &impl Registry,
) -> Result<Arc<Holder>, DenialReason> {
    let credential = presentation
        .credential()
        .map_err(|_| DenialReason::RequestAmbiguous)?
        .ok_or(if presentation.is_malformed() {
            DenialReason::CredentialInvalid
        } else {
            DenialReason::CredentialMissing
        })?;
    let digest = api_key::digest(credential.as_bytes());
    if let Some(holder) = registry.cached(&digest) {
        return Ok(holder);
    }
    if api_key::is_mistyped(credential.as_bytes()) {
        return Err(DenialReason::CredentialInvalid);
    }
    registry
        .stored(&digest)
        .ok_or(DenialReason::CredentialInvalid)
}

fn is_usable(record: &Record, now_ms: &dyn Fn() -> u64) -> Result<(), DenialReason> {
    let is_over = |end: Option<u64>| end.is_some_and(|end_ms| end_ms <= now_ms());
    match record.key_state {
        KeyState::Active => {}
        KeyState::Revoked => return Err(DenialReason::CredentialRevoked),
    }
    if !record.client.enabled {
        return Err(DenialReason::ClientDisabled);
    }
    if !record.profile_enabled {
        return Err(DenialReason::ProfileDisabled);
    }
    if is_over(record.key_expires_at_ms) || is_over(record.profile_expires_at_ms) {
        return Err(DenialReason::CredentialExpired);
    }
    Ok(())
}

fn check_header_name(name: &str) -> Result<(), InvalidHeaderName> {
    let invalid = |reason| {
        Err(InvalidHeaderName {
            name: name.into(),
            reason,
        })
    };
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > 63 || !name.bytes().all(is_token) {
        return invalid("a header name has 1 to 63 characters of those in RFC 9110");
    }
    const RESERVED: [&str; 8] = [
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "te",
        "transfer-encoding",
    ];
    if RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
    {
        return invalid("this header has a meaning of its own");
    }
    Ok(())
}

fn length_bit(length: usize) -> u64 {
    u32::try_from(length)
        .ok()
        .and_then(|length| 1_u64.checked_shl(length))
        .unwrap_or(0)
}

fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        _ => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests;
