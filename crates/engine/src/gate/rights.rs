//! What a caller may do who has proved who they are: call from where they do, and call what they do.

use std::net::IpAddr;
use std::sync::Arc;

use super::trace::{Finding, Trace, find, require};
use super::{Request, World};
use crate::decision::Denial;
use crate::decision::DenialReason::{
    AddressNotAllowed, CollectionNotGranted, EndpointDisabled, EndpointNotFound, QuotaExceeded,
    RateLimitExceeded,
};
use crate::holder::Holder;
use crate::limit::{Allowance, Exhausted};
use crate::route::RoutedEndpoint;

/// Whether a profile may call an endpoint from where it does.
pub(super) fn grant<'r, 'a>(
    holder: &Arc<Holder>,
    endpoint: Option<&'r RoutedEndpoint>,
    request: &Request<'a>,
    trace: &mut impl Trace,
) -> Result<&'r RoutedEndpoint, Denial<'a>> {
    let denied = |reason| Denial::new(reason).of(holder);
    check_address(holder, request, trace).map_err(|judged_address| Denial {
        judged_address,
        ..denied(AddressNotAllowed)
    })?;
    let endpoint =
        find(trace, Finding::Route(endpoint), endpoint, EndpointNotFound).map_err(denied)?;
    let collection = &endpoint.collection;
    let denied = |reason| denied(reason).to(endpoint);
    let is_granted = holder.is_granted(&collection.id);
    require(
        trace,
        Finding::Grant(endpoint),
        is_granted,
        CollectionNotGranted,
    )
    .map_err(denied)?;
    let finding = Finding::Endpoint(endpoint);
    require(trace, finding, endpoint.enabled, EndpointDisabled).map_err(denied)?;
    Ok(endpoint)
}

/// Whether a profile that may call a collection does not call too often, or has called too much.
pub(super) fn within_limits<'a>(
    holder: &Arc<Holder>,
    endpoint: &RoutedEndpoint,
    world: &World<'_>,
    trace: &mut impl Trace,
) -> Result<Option<Allowance>, Denial<'a>> {
    let admitted = holder.limit().map(|limit| world.limits.admit(&limit));
    let admitted = admitted
        .transpose()
        .map_err(|exhausted| (RateLimitExceeded, exhausted));
    let admitted = admitted.and_then(|allowance| {
        spend(holder, world).map_err(|exhausted| (QuotaExceeded, exhausted))?;
        Ok(allowance)
    });
    let refused = admitted.as_ref().err().map(|(reason, _)| *reason);
    trace.judged(Finding::Limits(holder), refused);
    admitted.map_err(|(reason, exhausted)| Denial {
        exhausted: Some(Box::new(exhausted)),
        ..Denial::new(reason).of(holder).to(endpoint)
    })
}

fn spend(holder: &Holder, world: &World<'_>) -> Result<(), Exhausted> {
    let rule = holder.terms().and_then(|terms| terms.quota.as_ref());
    let Some(rule) = rule else {
        return Ok(());
    };
    let now_ms = (world.now_ms)();
    let window = rule.open(now_ms)?;
    if world.limits.spend(&rule.quota(holder.profile()), window) {
        return Ok(());
    }
    Err(window.used_up(now_ms))
}

/// Whether a profile may be used from where it is, or the address that was not allowed, if it is known.
pub(super) fn check_address(
    holder: &Holder,
    request: &Request<'_>,
    trace: &mut impl Trace,
) -> Result<(), Option<IpAddr>> {
    let rules = &holder.conditions().addresses;
    let address = if rules.is_empty() {
        None
    } else {
        (request.address)()
    };
    let finding = Finding::Address(holder, address);
    require(trace, finding, rules.allows(address), AddressNotAllowed).map_err(|_| address)
}
