//! Key sets: how they are fetched, and what becomes of the profiles that follow them.

mod asking;
pub mod fetching;
mod following;
pub mod provider;
mod reaching;
mod samples;
mod tls;
