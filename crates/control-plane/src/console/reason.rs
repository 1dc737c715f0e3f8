//! Why requests are refused, in words.

use portcullis_engine::decision::DenialReason;

/// The reason with a code: nothing, if this version knows none.
pub(super) fn of_code(code: &str) -> Option<DenialReason> {
    let mut all = DenialReason::ALL.into_iter();
    all.find(|reason| reason.code() == code)
}

/// What a reason means.
pub(super) const fn in_words(reason: DenialReason) -> &'static str {
    match reason {
        DenialReason::RequestAmbiguous => {
            "its path, its host or its credentials can be read in more than one way"
        }
        DenialReason::CredentialMissing => "it came without a credential",
        DenialReason::CredentialInvalid => "its credential is unknown, malformed or badly signed",
        DenialReason::CredentialExpired => "its credential or its profile has expired",
        DenialReason::CredentialRevoked => "its key was withdrawn",
        DenialReason::ClientDisabled => "the client is disabled",
        DenialReason::ProfileDisabled => "the access profile is disabled",
        DenialReason::AddressNotAllowed => {
            "the profile may not be used from the address that it came from"
        }
        DenialReason::EndpointNotFound => "no collection has such an endpoint",
        DenialReason::CollectionNotGranted => "the profile does not grant the collection",
        DenialReason::EndpointDisabled => "the endpoint is disabled",
        DenialReason::RateLimitExceeded => "there were too many requests in a short time",
        DenialReason::QuotaExceeded => "the quota was used up",
        DenialReason::NotReady => "the gateway did not know its clients yet",
    }
}
