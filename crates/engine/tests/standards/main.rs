//! Signatures against what the standards print and what others were found to get wrong.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

mod rfc_examples;
mod vectors;
mod weak_keys;
mod wycheproof;
