//! One request on its way through the filter.

use std::rc::Rc;

use portcullis_engine::{Denial, Permit, Request};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host::{self, HeaderPairs};
use crate::refusal;
use crate::root::Vm;

/// Where the filter leaves its decision for the access log: `%FILTER_STATE(wasm.portcullis:PLAIN)%` shows
/// `outcome client profile collection`, separated by blanks, with a dash for what is not known.
const FILTER_STATE: &str = "portcullis";

/// A request that Envoy has handed over.
pub(crate) struct RequestContext {
    vm: Rc<Vm>,
}

impl RequestContext {
    pub(crate) fn new(vm: Rc<Vm>) -> Self {
        Self { vm }
    }
}

impl Context for RequestContext {}

impl HttpContext for RequestContext {
    fn on_http_request_headers(&mut self, header_count: usize, _: bool) -> Action {
        let pairs = HeaderPairs::of_request();
        let mut headers = Vec::with_capacity(header_count);
        headers.extend(pairs.iter());
        #[cfg(feature = "test-trap")]
        trap_if_asked(&headers);
        let request = Request {
            headers: &headers,
            address: &host::source_address,
        };
        match self.vm.decide(&request, host::now_ms()) {
            Ok(permit) => {
                let_pass(&self.vm, &permit);
                Action::Continue
            }
            Err(denial) => {
                refuse(&denial);
                Action::Pause
            }
        }
    }
}

/// Takes away what the service must not see and says who calls.
fn let_pass(vm: &Vm, permit: &Permit<'_>) {
    let (holder, names) = (permit.holder(), vm.identity_headers());
    let (client_id, profile_id) = (holder.client_id(), holder.profile_id());
    let collection = &permit.collection().label;
    strip(permit.stripped());
    host::add_request_header(&names.client_id, client_id.as_bytes());
    host::add_request_header(&names.client_name, holder.client_name().as_bytes());
    host::add_request_header(&names.access_profile_id, profile_id.as_bytes());
    host::add_request_header(&names.api_collection, collection.as_bytes());
    record(&["permitted", client_id, profile_id, collection]);
}

fn refuse(denial: &Denial<'_>) {
    strip(denial.stripped());
    let holder = denial.holder.as_deref();
    let collection = denial.collection.as_deref();
    record(&[
        denial.reason.code(),
        holder.map_or("-", |holder| holder.client_id()),
        holder.map_or("-", |holder| holder.profile_id()),
        collection.map_or("-", |collection| &collection.label),
    ]);
    refusal::answer(denial);
}

fn strip(names: &[&[u8]]) {
    names
        .iter()
        .for_each(|name| host::remove_request_header(name));
}

fn record(parts: &[&str; 4]) {
    host::set_filter_state(FILTER_STATE, parts.join(" ").as_bytes());
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
