//! What a refused caller is told: `application/problem+json` (RFC 9457) with a stable `code`.

use portcullis_engine::DenialReason;

use crate::host;
use crate::refusals::DecisionId;

/// How long a caller should wait when the gateway does not know its clients yet, in seconds.
const NOT_READY_RETRY_S: &str = "1";

/// Answers the caller in place of the service. The decision is named, so that an operator can find it again.
/// `limits` are further headers: how things stand with what the caller has used up.
pub(crate) fn answer(
    reason: DenialReason,
    decision: Option<&DecisionId>,
    limits: Option<[(&'static str, String); 3]>,
) {
    let Answer {
        title,
        detail,
        header,
    } = Answer::to(reason);
    let (status, code) = (u32::from(reason.status()), reason.code());
    let mut headers = vec![
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
    ];
    headers.extend(header);
    let limits = limits.iter().flatten();
    headers.extend(limits.map(|(name, value)| (*name, value.as_str())));
    let body = body(status, title, code, detail, decision);
    host::answer(status, &format!("portcullis.{code}"), &headers, &body);
}

/// None of the texts needs escaping: all are ours.
fn body(
    status: u32,
    title: &str,
    code: &str,
    detail: &str,
    decision: Option<&DecisionId>,
) -> String {
    let decision = decision.map(|id| format!(r#","decision":"{}""#, id.as_str()));
    let decision = decision.unwrap_or_default();
    format!(
        r#"{{"title":"{title}","status":{status},"code":"{code}","detail":"{detail}"{decision}}}"#
    )
}

struct Answer {
    title: &'static str,
    detail: &'static str,
    header: Option<(&'static str, &'static str)>,
}

impl Answer {
    fn to(reason: DenialReason) -> Self {
        // RFC 6750 section 3: no error code for a request without a credential.
        const CHALLENGE: &str = r#"Bearer realm="portcullis""#;
        const CHALLENGE_INVALID: &str = r#"Bearer realm="portcullis", error="invalid_token""#;
        let unauthorized = |challenge, detail| Self {
            title: "Unauthorized",
            detail,
            header: Some(("www-authenticate", challenge)),
        };
        let forbidden = |detail| Self {
            title: "Forbidden",
            detail,
            header: None,
        };
        let not_found = |detail| Self {
            title: "Not Found",
            detail,
            header: None,
        };
        let too_many = |detail| Self {
            title: "Too Many Requests",
            detail,
            header: None,
        };
        match reason {
            DenialReason::RequestAmbiguous => Self {
                title: "Bad Request",
                detail: "The path or the host can be read in more than one way, or there are several credentials.",
                header: None,
            },
            DenialReason::CredentialMissing => unauthorized(CHALLENGE, "No credential was sent."),
            DenialReason::CredentialInvalid => {
                unauthorized(CHALLENGE_INVALID, "The credential is not valid.")
            }
            DenialReason::CredentialExpired => {
                unauthorized(CHALLENGE_INVALID, "The credential has expired.")
            }
            DenialReason::CredentialRevoked => {
                unauthorized(CHALLENGE_INVALID, "The credential was revoked.")
            }
            DenialReason::ClientDisabled => forbidden("The client is disabled."),
            DenialReason::ProfileDisabled => forbidden("The access profile is disabled."),
            DenialReason::AddressNotAllowed => {
                forbidden("Calls from this address are not allowed.")
            }
            DenialReason::CollectionNotGranted => {
                forbidden("The access profile does not grant this API.")
            }
            DenialReason::EndpointNotFound => not_found("There is no such endpoint."),
            DenialReason::EndpointDisabled => not_found("The endpoint is disabled."),
            DenialReason::RateLimitExceeded => too_many("Too many requests in a short time."),
            DenialReason::QuotaExceeded => too_many("The quota is used up."),
            DenialReason::NotReady => Self {
                title: "Service Unavailable",
                detail: "The gateway is starting.",
                header: Some(("retry-after", NOT_READY_RETRY_S)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::Refusals;

    #[test]
    fn every_refusal_is_a_problem_with_its_code_and_a_challenge_where_due() {
        for reason in DenialReason::ALL {
            let Answer {
                title,
                detail,
                header,
            } = Answer::to(reason);
            let status = u32::from(reason.status());
            let decision = Refusals::new(1).next_decision();
            let problem = body(status, title, reason.code(), detail, Some(&decision));
            let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
            assert_eq!(problem["status"], status);
            assert_eq!(problem["code"], reason.code());
            assert_eq!(problem["decision"], decision.as_str());
            assert!(!title.is_empty() && detail.ends_with('.'), "{reason:?}");
            let challenges = header.is_some_and(|(name, _)| name == "www-authenticate");
            assert_eq!(challenges, status == 401, "{reason:?}");
            assert!((400..=503).contains(&status), "{reason:?}");
        }
    }
}
