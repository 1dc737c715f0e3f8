//! The checks of a request, in their order: [`Gate::decide`] is the whole of the rules on one page.

mod caller;
mod headers;
mod rights;
mod settings;
pub mod trace;

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_feed::Digest;

pub(crate) use caller::Caller;
pub use caller::LONGEST_CLAIM;
use headers::Headers;
use rights::{check_address, grant, within_limits};
pub use settings::{GateSettings, IdentityHeaders, InvalidName};
use trace::{Finding, Trace, find, require};

use crate::authority;
use crate::decision::{Decision, Denial, DenialReason, Permit};
use crate::holder::Holder;
use crate::jwt::{Signatures, VerifiedTokens};
use crate::limit::{Allowance, Limits};
use crate::path::Path;
use crate::route::{RoutedCollection, RoutedEndpoint, Routes};

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

/// What a decision may ask of the world around it.
pub struct World<'w> {
    /// Tells milliseconds since 1970. Asked only where something can expire.
    pub now_ms: &'w dyn Fn() -> u64,
    /// Verifies signatures.
    pub signatures: &'w dyn Signatures,
    /// The tokens that were verified before, by this gate and no other.
    pub verified: &'w VerifiedTokens,
    /// Counts requests where they are limited. Asked last, so that only what would pass counts.
    pub limits: &'w dyn Limits,
}

/// The settings of one filter, in force: see [`GateSettings`].
#[derive(Debug, Clone)]
pub struct Gate {
    credential_header: Box<[u8]>,
    query_parameter: Option<Box<[u8]>>,
    identity_headers: IdentityHeaders,
    /// The names of all headers that only we may set, folded.
    ours: Vec<Box<[u8]>>,
    /// Bit n is set when one of them has n characters: most headers are told apart by that alone.
    identity_lengths: u64,
    claim_headers: Vec<(Box<str>, Box<str>)>,
    limit_header: Option<Box<str>>,
    token_claims: Vec<Box<str>>,
    names_by_key_id: bool,
    forwards_credential: bool,
    passes_preflight: bool,
    observe: bool,
}

/// A claim of a token as a service is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimHeader {
    /// The name of the header.
    pub name: Box<str>,
    /// Texts as they are, else JSON; percent-encoded where it is not printable ASCII.
    pub value: Box<str>,
}

/// What passed every check.
struct Passed {
    caller: Option<Caller>,
    collection: Arc<RoutedCollection>,
    place: u16,
    allowance: Option<Allowance>,
}

impl Passed {
    /// Without anybody who is known.
    fn unnamed(endpoint: &RoutedEndpoint) -> Self {
        Self {
            caller: None,
            collection: Arc::clone(&endpoint.collection),
            place: endpoint.place,
            allowance: None,
        }
    }
}

impl Gate {
    /// The identity headers in force, in lower case.
    #[must_use]
    pub fn identity_headers(&self) -> &IdentityHeaders {
        &self.identity_headers
    }

    /// In which header Envoy's own rate limit filter is told of a permit, and whose limit it counts against. None where it
    /// need not be told: no service counts, nothing is limited, or a limit that is reached is only noted.
    #[must_use]
    pub fn told_limit<'p>(&'p self, permit: &'p Permit<'_>) -> Option<(&'p str, &'p Holder)> {
        let header = self.limit_header.as_deref()?;
        let (holder, _) = permit.allowance()?;
        let is_only_noted = self.observe || holder.conditions().observe;
        (!is_only_noted).then_some((header, &**holder))
    }

    /// Decides on a request. A caller who has not proved who it is learns only whether a credential is missing or
    /// invalid, and nothing of the routes.
    ///
    /// # Errors
    /// A [`Denial`] is the other outcome.
    pub fn decide<'a>(
        &self,
        request: &Request<'a>,
        registry: &impl Registry,
        world: &World<'_>,
    ) -> Decision<'a> {
        self.decide_aloud(request, registry, world, &mut ())
    }

    /// The same, while somebody hears what becomes of each check.
    ///
    /// # Errors
    /// A [`Denial`] is the other outcome.
    pub fn decide_aloud<'a>(
        &self,
        request: &Request<'a>,
        registry: &impl Registry,
        world: &World<'_>,
        trace: &mut impl Trace,
    ) -> Decision<'a> {
        let headers = self.read(request.headers);
        trace.judged(Finding::IdentityHeaders(&headers.forged), None);
        match self.check(&headers, request, registry, world, trace) {
            Ok(passed) => Ok(Permit {
                caller: passed.caller,
                collection: Some(passed.collection),
                place: Some(passed.place),
                allowance: passed.allowance,
                stripped: self.stripped(headers.forged, headers.carriers),
                target: headers.target.filter(|_| !self.forwards_credential),
                observed: None,
            }),
            Err(refusal) if self.observes(&refusal.denial) => {
                // What is not known here may be for the service: this gate is only being tried out.
                let is_known = refusal.denial.holder.is_some();
                let carriers = if is_known { headers.carriers } else { vec![] };
                let is_stripped = is_known && !self.forwards_credential;
                Ok(Permit {
                    caller: refusal.caller,
                    collection: refusal.denial.collection.clone(),
                    place: refusal.denial.place,
                    allowance: None,
                    stripped: self.stripped(headers.forged, carriers),
                    target: headers.target.filter(|_| is_stripped),
                    observed: Some(Box::new(refusal.denial)),
                })
            }
            Err(refusal) => Err(Denial {
                stripped: [headers.forged, headers.carriers].concat(),
                target: headers.target,
                ..refusal.denial
            }),
        }
    }

    fn check<'a>(
        &self,
        headers: &Headers<'a>,
        request: &Request<'a>,
        registry: &impl Registry,
        world: &World<'_>,
        trace: &mut impl Trace,
    ) -> Result<Passed, Box<Refusal<'a>>> {
        let routes = find(
            trace,
            Finding::Records,
            registry.routes(),
            DenialReason::NotReady,
        )?;
        let path = Path::parse(headers.path).ok();
        let path = find(trace, Finding::Path, path, DenialReason::RequestAmbiguous)?;
        let is_one_host = !authority::is_ambiguous(headers.authority);
        require(
            trace,
            Finding::Host,
            is_one_host,
            DenialReason::RequestAmbiguous,
        )?;
        let endpoint = routes.find(headers.authority, headers.method, &path);
        let allows_dubious = |it: &RoutedEndpoint| it.collection.allows_dubious_paths;
        let is_safe = !path.is_dubious() || endpoint.is_some_and(allows_dubious);
        require(
            trace,
            Finding::PathForService,
            is_safe,
            DenialReason::RequestAmbiguous,
        )?;
        if let Some(endpoint) = self.preflight(headers, &routes, &path) {
            trace.judged(Finding::Preflight(endpoint), None);
            return Ok(Passed::unnamed(endpoint));
        }
        if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.collection.public) {
            return self.pass_public(endpoint, headers, request, registry, world, trace);
        }

        let caller = self.authenticate(headers, registry, world, trace);
        let caller = caller.map_err(Denial::from)?;
        let holder = &caller.holder;
        caller::check_standing(holder, world.now_ms, trace)
            .map_err(|reason| Denial::new(reason).of(holder))?;

        // From here on it is proven who calls, and that they may call something.
        let granted = grant(holder, endpoint, request, trace)
            .and_then(|to| Ok((to, within_limits(holder, to, world, trace)?)));
        match granted {
            Ok((endpoint, allowance)) => Ok(Passed {
                allowance,
                caller: Some(caller),
                ..Passed::unnamed(endpoint)
            }),
            Err(denial) => Err(Box::new(Refusal {
                denial,
                caller: Some(caller),
            })),
        }
    }

    /// The endpoint of a preflight request, where such pass.
    fn preflight<'r>(
        &self,
        headers: &Headers<'_>,
        routes: &'r Routes,
        path: &Path<'_>,
    ) -> Option<&'r RoutedEndpoint> {
        if !self.passes_preflight || headers.method != b"OPTIONS" || headers.origin.is_none() {
            return None;
        }
        let endpoint = routes.find(headers.authority, headers.preflight_method?, path)?;
        endpoint.enabled.then_some(endpoint)
    }

    /// Nobody is refused here for who they are; who has proved it is named to the service.
    fn pass_public<'a>(
        &self,
        endpoint: &RoutedEndpoint,
        headers: &Headers<'a>,
        request: &Request<'a>,
        registry: &impl Registry,
        world: &World<'_>,
        trace: &mut impl Trace,
    ) -> Result<Passed, Box<Refusal<'a>>> {
        let denied = |denial: Denial<'a>| denial.to(endpoint);
        trace.judged(Finding::Open(endpoint), None);
        let finding = Finding::Endpoint(endpoint);
        require(
            trace,
            finding,
            endpoint.enabled,
            DenialReason::EndpointDisabled,
        )
        .map_err(|reason| denied(Denial::new(reason)))?;
        match self.authenticate(headers, registry, world, trace) {
            Err(unknown) if unknown.is_ambiguous() => Err(denied(unknown.into()).into()),
            Ok(caller)
                if caller::check_standing(&caller.holder, world.now_ms, trace).is_ok()
                    && check_address(&caller.holder, request, trace).is_ok() =>
            {
                Ok(Passed {
                    caller: Some(caller),
                    ..Passed::unnamed(endpoint)
                })
            }
            Ok(_) | Err(_) => Ok(Passed::unnamed(endpoint)),
        }
    }

    fn observes(&self, denial: &Denial<'_>) -> bool {
        let by_profile = |holder: &Arc<Holder>| holder.conditions().observe;
        self.observe
            || denial.reason.is_about_rights() && denial.holder.as_ref().is_some_and(by_profile)
    }

    fn stripped<'a>(&self, forged: Vec<&'a [u8]>, carriers: Vec<&'a [u8]>) -> Vec<&'a [u8]> {
        let mut stripped = forged;
        if !self.forwards_credential {
            stripped.extend(carriers);
        }
        stripped
    }
}

/// A denial, and who called, where that is proven and may be told the service in spite of it.
struct Refusal<'a> {
    denial: Denial<'a>,
    caller: Option<Caller>,
}

impl From<DenialReason> for Box<Refusal<'_>> {
    fn from(reason: DenialReason) -> Self {
        Denial::new(reason).into()
    }
}

impl<'a> From<Denial<'a>> for Box<Refusal<'a>> {
    fn from(denial: Denial<'a>) -> Self {
        Self::new(Refusal {
            denial,
            caller: None,
        })
    }
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
