//! One request on its way through the filter.

use portcullis_engine::{Denial, DenialReason, Permit, Request};
use proxy_wasm::types::Action;

use crate::host::{self, HeaderPairs};
use crate::refusal;
use crate::vm::Filter;

/// Where the filter leaves what it knows of a refusal for the access log: `%FILTER_STATE(wasm.portcullis:PLAIN)%` shows
/// `code client profile collection`, separated by blanks, with a dash for what is not known. Of a permitted request the
/// identity headers say as much, and each call to the host costs.
const FILTER_STATE: &str = "portcullis";

/// Decides on the request of the current callback and acts on it.
pub(crate) fn pass_or_refuse(filter: &Filter, header_count: usize) -> Action {
    let pairs = HeaderPairs::of_request();
    let mut headers = Vec::with_capacity(header_count);
    headers.extend(pairs.iter());
    #[cfg(feature = "test-trap")]
    trap_if_asked(&headers);
    let request = Request {
        headers: &headers,
        address: &host::source_address,
    };
    match filter.decide(&request) {
        Ok(permit) => {
            let_pass(filter, &permit);
            Action::Continue
        }
        Err(denial) => {
            refuse(&denial);
            Action::Pause
        }
    }
}

/// Takes away what the service must not see and says who calls.
fn let_pass(filter: &Filter, permit: &Permit<'_>) {
    let (holder, names) = (permit.holder(), filter.identity_headers());
    let (client_id, profile_id) = (holder.client_id(), holder.profile_id());
    let collection = permit.collection().label.as_bytes();
    strip(permit.stripped());
    host::add_request_header(&names.client_id, client_id.as_bytes());
    host::add_request_header(&names.client_name, holder.client_name().as_bytes());
    host::add_request_header(&names.access_profile_id, profile_id.as_bytes());
    host::add_request_header(&names.api_collection, collection);
}

fn refuse(denial: &Denial<'_>) {
    strip(denial.stripped());
    let holder = denial.holder.as_deref();
    let collection = denial.collection.as_deref();
    let known = [
        denial.reason.code(),
        holder.map_or("-", |holder| holder.client_id()),
        holder.map_or("-", |holder| holder.profile_id()),
        collection.map_or("-", |collection| &collection.label),
    ];
    host::set_filter_state(FILTER_STATE, known.join(" ").as_bytes());
    refusal::answer(denial.reason);
}

/// Refuses a request of which it is not known under which configuration it came.
pub(crate) fn refuse_unknown() -> Action {
    refusal::answer(DenialReason::NotReady);
    Action::Pause
}

fn strip(names: &[&[u8]]) {
    names
        .iter()
        .for_each(|name| host::remove_request_header(name));
}

/// Brings the VM down, for the tests of recovery.
#[cfg(feature = "test-trap")]
#[expect(
    clippy::panic,
    reason = "this is what the feature is for, and it is never shipped"
)]
fn trap_if_asked(headers: &[(&[u8], &[u8])]) {
    if headers
        .iter()
        .any(|(name, _)| *name == b"x-portcullis-trap")
    {
        panic!("a test asked for this");
    }
}
