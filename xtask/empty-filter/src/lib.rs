//! The least that a filter made with the SDK can do: it reads one header and lets the request pass.
//! A fixture of `cargo xtask bench`, so that nothing else may live here.

#![expect(
    missing_docs,
    reason = "the SDK's `main!` makes a public function without a doc sentence"
)]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(EmptyRoot));
}}

struct EmptyRoot;

impl Context for EmptyRoot {}

impl RootContext for EmptyRoot {
    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(EmptyStream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct EmptyStream;

impl Context for EmptyStream {}

impl HttpContext for EmptyStream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        std::hint::black_box(self.get_http_request_header_bytes("api-token"));
        Action::Continue
    }
}
