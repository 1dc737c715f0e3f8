//! Decides.
pub mod api_key;
