//! Key sets: how they are fetched, and what becomes of the profiles that follow them.

mod asking;
mod fetching;
mod following;
mod provider;
mod reaching;
mod samples;
mod tls;
