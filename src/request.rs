//! One request on its way through the filter.

use std::rc::Rc;

use portcullis_engine::{Permit, Request};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host::{self, HeaderPairs};
use crate::refusal;
use crate::root::Vm;

/// Where the filter leaves what it knows of a request for the access log: `%FILTER_STATE(wasm.portcullis:PLAIN)%`.
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
                host::set_filter_state(FILTER_STATE, refusal::log_text(&denial).as_bytes());
                refusal::answer(&denial);
                Action::Pause
            }
        }
    }
}

/// Takes away what the service must not see and says who calls.
fn let_pass(vm: &Vm, permit: &Permit<'_>) {
    permit
        .stripped()
        .iter()
        .for_each(|name| host::remove_request_header(name));
    let (holder, names) = (permit.holder(), vm.identity_headers());
    host::add_request_header(&names.client_id, holder.client_id().as_bytes());
    host::add_request_header(&names.client_name, holder.client_name().as_bytes());
    host::add_request_header(&names.access_profile_id, holder.profile_id().as_bytes());
    host::add_request_header(&names.api_collection, &permit.collection().label);
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
