//! Decides whether a request may pass: [`Gate::decide`]. Pure: no clock, no I/O, no knowledge of Envoy.
//! The time and the caller's address are arguments; the records come from whoever implements [`Registry`].

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::string_slice
    )
)]

pub mod address;
pub mod api_key;
pub mod authority;
pub mod credential;
pub mod decision;
pub mod gate;
pub mod hashing;
pub mod holder;
pub mod jwt;
pub mod limit;
pub mod path;
pub mod query;
pub mod quota;
pub mod recent;
pub mod route;
pub mod seldom;
pub mod terms;

pub use decision::{Decision, Denial, DenialReason, Deprecation, Permit, Subject};
pub use gate::{
    ClaimHeader, Gate, GateSettings, IdentityHeaders, InvalidName, Registry, Request, World,
};
pub use holder::{Holder, Record};
pub use terms::SharedTerms;
