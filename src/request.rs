//! One request on its way through the filter.

use portcullis_engine::route::RoutedCollection;
use portcullis_engine::{Denial, DenialReason, Holder, Permit, Request};
use proxy_wasm::types::Action;

use crate::announcement::Announcement;
use crate::callbacks;
use crate::fleet::{self, ToldRequest};
use crate::host::{self, HeaderPairs};
use crate::limits::{self, ToldLimit};
use crate::refusal;
use crate::vm::{Filter, Moment};

/// Decides on the request of the current callback and acts on it.
pub(crate) fn pass_or_refuse(filter: &Filter, context_id: u32, header_count: usize) -> Action {
    let pairs = HeaderPairs::of_request();
    let mut headers = Vec::with_capacity(header_count);
    headers.extend(pairs.iter());
    #[cfg(feature = "test-doors")]
    if let Some(action) = crate::doors::enter(&headers) {
        return action;
    }
    let request = Request {
        headers: &headers,
        address: &host::source_address,
    };
    let moment = Moment::default();
    match filter.decide(&request, &moment) {
        Ok(permit) => {
            match permit.observed() {
                Some(denial) => {
                    filter.vm.note_missing_key(denial);
                    filter.vm.refusals.note(denial, true, &headers);
                }
                None if filter.choices.logs_permitted => filter.vm.refusals.note_permitted(),
                None => {}
            }
            let counted = filter.usage();
            let counted = counted.map(|usage| usage.permit(&permit, &headers, &moment));
            let told = filter.told_limit(&permit);
            let told = told.map(|_| Box::new(ToldRequest::of(&permit, &headers)));
            let limit = ToldLimit::of(&permit, filter.choices.tells_limits, told.is_some());
            if let Some(announcement) = Announcement::of(&permit, counted, limit, told) {
                callbacks::announce(context_id, announcement);
            }
            let_pass(filter, &permit);
            Action::Continue
        }
        Err(denial) => {
            strip(denial.stripped(), denial.target());
            // No service sees this request: it is the access log that is told.
            let (holder, collection) = (denial.holder.as_deref(), denial.collection.as_deref());
            name(filter, holder, collection);
            filter.vm.note_missing_key(&denial);
            refuse(filter, &denial, &headers);
            Action::Pause
        }
    }
}

/// Takes away what the service must not see and says who calls.
fn let_pass(filter: &Filter, permit: &Permit<'_>) {
    strip(permit.stripped(), permit.target());
    name(filter, permit.holder(), permit.collection());
    for claim in permit.claims() {
        host::add_request_header(&claim.name, claim.value.as_bytes());
    }
    if let Some((header, holder)) = filter.told_limit(permit)
        && let Some(told) = fleet::told(holder)
    {
        host::add_request_header(header, told.as_bytes());
    }
}

/// Says whom a request concerns, as far as that is proven.
fn name(filter: &Filter, holder: Option<&Holder>, collection: Option<&RoutedCollection>) {
    let names = filter.identity_headers();
    if let Some(holder) = holder {
        let (client_id, profile_id) = (holder.client_id(), holder.profile_id());
        host::add_request_header(&names.client_id, client_id.as_bytes());
        host::add_request_header(&names.client_name, holder.client_name().as_bytes());
        host::add_request_header(&names.access_profile_id, profile_id.as_bytes());
    }
    if let Some(collection) = collection {
        host::add_request_header(&names.api_collection, collection.label.as_bytes());
    }
}

fn refuse(filter: &Filter, denial: &Denial<'_>, headers: &[(&[u8], &[u8])]) {
    let (decision, sampled) = filter.vm.refusals.note(denial, false, headers);
    if let Some(usage) = filter.usage() {
        usage.deny(denial, headers);
        sampled.into_iter().for_each(|refused| usage.keep(refused));
    }
    refusal::answer(denial.reason, Some(&decision), limits::of_denial(denial));
}

/// Refuses a request of which it is not known under which configuration it came.
pub(crate) fn refuse_unknown() -> Action {
    refusal::answer(DenialReason::NotReady, None, None);
    Action::Pause
}

fn strip(names: &[&[u8]], target: Option<&[u8]>) {
    names
        .iter()
        .for_each(|name| host::remove_request_header(name));
    if let Some(target) = target {
        host::set_request_target(target);
    }
}
