//! The stage on which end-to-end tests, the demo and the benchmark play: a real control plane, a real Envoy, a service
//! behind it, and those who call. Every process belongs to a guard that ends it. No rule of the product stands here.

mod answer;
mod bootstrap;
mod caller;
mod certificate;
mod clock;
mod control_plane;
mod deadline;
mod envoy;
mod operator;
mod parts;
mod postgres;
mod running;
mod service;
mod signer;

pub use answer::{Answer, Headers};
pub use bootstrap::Bootstrap;
pub use caller::{Caller, Request};
pub use certificate::Certificate;
pub use clock::Clock;
pub use control_plane::{ControlPlane, Tokens, address_to_return_to};
pub use deadline::within;
pub use envoy::Envoy;
pub use operator::{NewKey, NewProfile, Operator, Reply};
pub use parts::Parts;
pub use postgres::Postgres;
pub use running::Running;
pub use service::{SeenRequest, Service};
pub use signer::{Signer, base64url, seconds_from_now};
