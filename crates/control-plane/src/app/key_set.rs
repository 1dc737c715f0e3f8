//! Key sets: from where the keys of access profiles are fetched, how often, and what is known of each. How they are
//! fetched stands outside.

pub mod address;
pub mod source;

pub use address::Networks;
pub use source::{InvalidSource, Location};
