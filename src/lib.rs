//! The Portcullis filter: reads a request, asks the engine, writes the answer. No rule lives here.
//!
//! | module | holds |
//! |---|---|
//! | [`callbacks`] | the callbacks that Envoy makes for each request |
//! | [`request`] | one request on its way through |
//! | [`refusal`] | what a refused caller is told |
//! | [`refusals`] | what operators learn of refusals |
//! | [`limits`], [`fleet`] | what callers are told of their limit, and Envoy's own filter where a service counts |
//! | [`signatures`] | signatures of tokens, verified by the host where it can |
//! | [`missing_keys`] | of which keys the control plane has to be told |
//! | [`root`] | the life of root contexts: configuration, ticks, wake-ups |
//! | [`vm`] | what a VM is among the others of its process |
//! | [`poller`] | the leader's conversation with the control plane |
//! | [`deprecation`] | what callers with an older key are told |
//! | [`settings`] | the plugin configuration |
//! | [`host`] | the calls to Envoy that the SDK does not offer in a fit form |

#![deny(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod announcement;
mod breakdown;
pub mod callbacks;
mod courier;
mod deprecation;
#[cfg(feature = "test-doors")]
mod doors;
mod exchange;
mod fleet;
mod host;
mod limits;
mod metrics;
mod missing_keys;
mod poller;
mod protobuf;
mod refusal;
mod refusals;
mod request;
mod root;
mod settings;
mod signatures;
mod spreading;
mod usage;
mod vm;

/// Envoy calls this before anything else in a new VM.
mod entry {
    use crate::root::Root;

    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(|context_id| Box::new(Root::new(context_id)));
    }}
}
