//! What became of a check, in a sentence. Whoever reads it manages the records, so it may say more than callers are
//! told; but nothing that a request carries is repeated, save where it goes and the names of headers.

mod credentials;
mod places;

use portcullis_engine::decision::DenialReason;
use portcullis_engine::gate::trace::Finding;
use portcullis_engine::route::RoutedEndpoint;
use portcullis_feed::Collection;

use super::account::Account;
use super::records::KnownProfile;
use crate::app::collection::written;
use crate::app::policy::in_words;
use crate::app::time::Moment;

/// Of a check that was not come to.
pub(super) const UNHEARD: &str = "not looked at: it was decided before";

/// What became of a check.
pub(super) fn of(
    finding: &Finding<'_>,
    refused: Option<DenialReason>,
    account: &Account<'_>,
) -> String {
    let holds = refused.is_none();
    match *finding {
        Finding::IdentityHeaders([]) => {
            "no header could be taken for one that tells the service who calls".into()
        }
        Finding::IdentityHeaders(names) => {
            format!(
                "{} never reaches the service: only the gateway says who calls",
                listed(names)
            )
        }
        Finding::Records => format!("decided up to revision {}", account.records.revision),
        Finding::Path => places::of_path(holds),
        Finding::PathForService => places::of_path_for_service(holds),
        Finding::Host => places::of_host(holds, account),
        Finding::Preflight(at) => format!(
            "a preflight request for {}, which passes without a credential",
            named(at, account)
        ),
        Finding::Open(at) => format!("{}, which anybody may call", named(at, account)),
        Finding::Route(Some(at)) => named(at, account),
        Finding::Route(None) => places::of_no_route(account),
        Finding::Grant(at) => of_grant(holds, at, account),
        Finding::Endpoint(at) if at.enabled => "the endpoint is enabled".into(),
        Finding::Endpoint(at) => format!("{} is disabled", named(at, account)),
        Finding::Credential { headers, query } => {
            credentials::of_presented(headers, query, refused, account)
        }
        Finding::Authentication(Ok(holder)) => credentials::of_proof(holder, account),
        Finding::Authentication(Err(fault)) => credentials::of_fault(fault, account),
        Finding::Key(holder) => credentials::of_key(holder, holds),
        Finding::Client(holder) => {
            let client = credentials::client(account.known(holder));
            format!("{client} is {}", switched(holds))
        }
        Finding::Profile(holder) => {
            let profile = credentials::profile(account.known(holder));
            format!("{profile} is {}", switched(holds))
        }
        Finding::Expiry(holder) => credentials::of_expiry(holder, account.asked.now_ms),
        Finding::Address(holder, address) => places::of_address(holder, address, account),
        Finding::Limits(holder) => of_limits(account.known(holder), account.asked.now_ms),
    }
}

/// What a policy says.
pub(super) fn of_limits(profile: Option<&KnownProfile>, now_ms: u64) -> String {
    let Some(profile) = profile else {
        return UNHEARD.into();
    };
    let Some(policy) = &profile.told.policy else {
        return "the profile has no policy: it may call as much as it likes".into();
    };
    let name = profile.policy_name.as_deref().unwrap_or_default();
    let limits = in_words(policy.rate_limit.as_ref(), policy.quota.as_ref());
    let id = &policy.id;
    if limits.is_empty() {
        return format!("the policy `{name}` ({id}) limits nothing");
    }
    let limits = limits.join(", ");
    if let Some(until_ms) = policy.quota_used_up_until_ms.filter(|it| *it > now_ms) {
        let until = Moment::from_ms(until_ms);
        return format!(
            "the policy `{name}` ({id}) allows {limits}: that is used up until {until}"
        );
    }
    format!("the policy `{name}` ({id}) allows {limits}: what was called before is not looked at")
}

/// A collection as people call it.
pub(super) fn label(collection: &Collection) -> String {
    format!("{} {}", collection.name, collection.version)
}

/// The name of a header as text.
pub(super) fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn of_grant(holds: bool, at: &RoutedEndpoint, account: &Account<'_>) -> String {
    let collection = account.records.collection(at.collection.id);
    let name = collection.map(label).unwrap_or_default();
    let id = at.collection.id;
    if holds {
        format!("the profile grants `{name}` ({id})")
    } else {
        format!("the profile does not grant `{name}` ({id})")
    }
}

/// An endpoint and its collection.
fn named(at: &RoutedEndpoint, account: &Account<'_>) -> String {
    let Some((collection, endpoint)) = account.found(at) else {
        return format!("an endpoint of {}", at.collection.id);
    };
    let (endpoint, name, id) = (written(endpoint), label(collection), collection.id);
    format!("`{endpoint}` of `{name}` ({id})")
}

/// Names of headers, in backticks.
fn listed(names: &[&[u8]]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", text(name)))
        .collect();
    names.join(", ")
}

fn switched(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}
