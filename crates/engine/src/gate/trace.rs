//! What became of each check, for whoever explains a decision. A filter listens to nothing, and pays nothing for it: the
//! calls of a trace that does nothing are compiled away.

use std::net::IpAddr;

use portcullis_feed::{Digest, ProfileId};

use crate::api_key;
use crate::decision::DenialReason;
use crate::holder::Holder;
use crate::jwt::claims::Rule;
use crate::jwt::record::{named_by_identity, named_by_profile};
use crate::route::RoutedEndpoint;

/// Hears what a gate finds while it decides. `()` hears nothing.
pub trait Trace {
    /// What became of a check: why the request is refused by it, if it is.
    ///
    /// A request is refused by the first check that refuses it, and by no other. The exception is an
    /// [open](Finding::Open) endpoint: what comes after it only tells who calls, and refuses nothing but what is
    /// ambiguous.
    fn judged(&mut self, finding: Finding<'_>, refused: Option<DenialReason>);

    /// Under which name somebody is looked for among the records, before they are.
    fn sought(&mut self, name: Name<'_>);

    /// Whom a token names: nothing is proven by that.
    fn named(&mut self, holder: &Holder);
}

impl Trace for () {
    fn judged(&mut self, _: Finding<'_>, _: Option<DenialReason>) {}

    fn sought(&mut self, _: Name<'_>) {}

    fn named(&mut self, _: &Holder) {}
}

/// What a gate looks at, in the order of [`Check::ALL`] but where anybody may call: there the endpoint comes first.
#[derive(Debug, Clone, Copy)]
pub enum Finding<'f> {
    /// Which headers are removed since a service could take them for ours. Refuses nobody.
    IdentityHeaders(&'f [&'f [u8]]),
    /// Whether the records are complete.
    Records,
    /// Whether proxies read the path in one way only.
    Path,
    /// Whether everybody takes the authority for the same host.
    Host,
    /// Whether the service reads the path as proxies do, or is safe with it.
    PathForService,
    /// That this is a preflight request, which passes.
    Preflight(&'f RoutedEndpoint),
    /// That anybody may call this endpoint.
    Open(&'f RoutedEndpoint),
    /// Whether there is one credential.
    Credential {
        /// The headers that carry it.
        headers: &'f [&'f [u8]],
        /// Whether the query does.
        query: bool,
    },
    /// Whether it proves who calls.
    Authentication(Result<&'f Holder, Fault>),
    /// Whether the key was not withdrawn.
    Key(&'f Holder),
    /// Whether the client may call anything.
    Client(&'f Holder),
    /// Whether the profile may be used.
    Profile(&'f Holder),
    /// Whether neither the key nor the profile has expired.
    Expiry(&'f Holder),
    /// Whether the profile may be used from this address, which is asked for only where it has rules.
    Address(&'f Holder, Option<IpAddr>),
    /// Whether there is such an endpoint.
    Route(Option<&'f RoutedEndpoint>),
    /// Whether the profile grants its collection.
    Grant(&'f RoutedEndpoint),
    /// Whether the endpoint is switched on.
    Endpoint(&'f RoutedEndpoint),
    /// Whether the profile does not call too often.
    Limits(&'f Holder),
}

/// The checks that a request goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Headers that services could take for ours are removed.
    IdentityHeaders,
    /// The records are complete.
    Records,
    /// The path has one meaning, for proxies and for the service.
    Path,
    /// The authority names one host.
    Host,
    /// There is one credential.
    Credential,
    /// It proves who calls.
    Authentication,
    /// The key was not withdrawn.
    Key,
    /// The client may call anything.
    Client,
    /// The profile may be used.
    Profile,
    /// Neither the key nor the profile has expired.
    Expiry,
    /// The profile may be used from this address.
    Address,
    /// There is such an endpoint.
    Route,
    /// The profile grants its collection.
    Grant,
    /// The endpoint is switched on.
    Endpoint,
    /// The profile does not call too often.
    Limits,
}

impl Check {
    /// Every check, in order.
    pub const ALL: [Self; 15] = [
        Self::IdentityHeaders,
        Self::Records,
        Self::Path,
        Self::Host,
        Self::Credential,
        Self::Authentication,
        Self::Key,
        Self::Client,
        Self::Profile,
        Self::Expiry,
        Self::Address,
        Self::Route,
        Self::Grant,
        Self::Endpoint,
        Self::Limits,
    ];

    /// The stable name in explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdentityHeaders => "identity_headers",
            Self::Records => "records",
            Self::Path => "path",
            Self::Host => "host",
            Self::Credential => "credential",
            Self::Authentication => "authentication",
            Self::Key => "key",
            Self::Client => "client",
            Self::Profile => "profile",
            Self::Expiry => "expiry",
            Self::Address => "address",
            Self::Route => "route",
            Self::Grant => "grant",
            Self::Endpoint => "endpoint",
            Self::Limits => "limits",
        }
    }
}

impl Finding<'_> {
    /// Which check it belongs to.
    #[must_use]
    pub const fn check(&self) -> Check {
        match self {
            Self::IdentityHeaders(_) => Check::IdentityHeaders,
            Self::Records => Check::Records,
            Self::Path | Self::PathForService => Check::Path,
            Self::Host => Check::Host,
            Self::Credential { .. } => Check::Credential,
            Self::Authentication(_) => Check::Authentication,
            Self::Key(_) => Check::Key,
            Self::Client(_) => Check::Client,
            Self::Profile(_) => Check::Profile,
            Self::Expiry(_) => Check::Expiry,
            Self::Address(..) => Check::Address,
            Self::Preflight(_) | Self::Open(_) | Self::Route(_) => Check::Route,
            Self::Grant(_) => Check::Grant,
            Self::Endpoint(_) => Check::Endpoint,
            Self::Limits(_) => Check::Limits,
        }
    }
}

/// Why a credential does not prove who calls. Callers learn only the [reason](Self::reason).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There are several, and they differ.
    Several,
    /// There is none.
    Missing,
    /// Something was meant to be one, and cannot be read.
    Malformed,
    /// It begins like a key of ours, and is none.
    Mistyped,
    /// No profile has such a key.
    UnknownKey,
    /// It is the name of a profile that wants tokens, and opens nothing by itself.
    OnlyAName,
    /// It looks like a token, and cannot be read in exactly one way.
    UnreadableToken,
    /// The token does not say who it is about.
    Nameless,
    /// No profile has the name that the token says.
    UnknownName,
    /// The profile that the token names has keys instead of tokens.
    NotForTokens,
    /// The token says that it is signed in another way than the profile wants.
    OtherAlgorithm,
    /// No key of the profile verifies the signature.
    BadSignature,
    /// What the token claims is not what the profile wants.
    Claims(Rule),
    /// The token was good until some time ago.
    ExpiredToken,
}

impl Fault {
    /// What its caller is told.
    #[must_use]
    pub const fn reason(self) -> DenialReason {
        match self {
            Self::Several => DenialReason::RequestAmbiguous,
            Self::Missing => DenialReason::CredentialMissing,
            Self::ExpiredToken => DenialReason::CredentialExpired,
            Self::Malformed
            | Self::Mistyped
            | Self::UnknownKey
            | Self::OnlyAName
            | Self::UnreadableToken
            | Self::Nameless
            | Self::UnknownName
            | Self::NotForTokens
            | Self::OtherAlgorithm
            | Self::BadSignature
            | Self::Claims(_) => DenialReason::CredentialInvalid,
        }
    }
}

/// What somebody is looked for by.
#[derive(Clone, Copy)]
pub enum Name<'n> {
    /// A key, in full: as a credential, or as the name of a profile that wants tokens.
    Key(&'n [u8]),
    /// The public name of a profile.
    Profile(ProfileId),
    /// The name that an issuer of tokens has for it.
    Identity {
        /// Who issues.
        issuer: &'n str,
        /// The issuer's name for it.
        client: &'n str,
    },
}

impl Name<'_> {
    /// Under which digest the records have it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Key(key) => api_key::digest(key),
            Self::Profile(id) => named_by_profile(id),
            Self::Identity { issuer, client } => named_by_identity(issuer, client),
        }
    }
}

/// Tells what became of a check, and goes on only with what was found.
pub(super) fn find<T>(
    trace: &mut impl Trace,
    finding: Finding<'_>,
    found: Option<T>,
    otherwise: DenialReason,
) -> Result<T, DenialReason> {
    trace.judged(finding, found.is_none().then_some(otherwise));
    found.ok_or(otherwise)
}

/// The same, where nothing is found but that it holds.
pub(super) fn require(
    trace: &mut impl Trace,
    finding: Finding<'_>,
    holds: bool,
    otherwise: DenialReason,
) -> Result<(), DenialReason> {
    find(trace, finding, holds.then_some(()), otherwise)
}
