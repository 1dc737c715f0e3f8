//! What the control plane answers, called in process: one file for each resource. The vocabulary is in `stage`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

mod access_profiles;
mod applied;
mod audit;
mod bad_input;
mod cascade;
mod clients;
mod collections;
mod configuration;
mod console;
mod documents;
mod explain;
mod feed;
mod feed_keys;
mod gateway_tokens;
mod gateways;
mod ground;
mod imports;
mod jwt;
mod key_sets;
mod keys;
mod lists;
mod logos;
mod once;
mod openapi;
mod operators;
mod people;
mod policies;
mod quotas;
mod removals;
mod robot_tokens;
mod roles;
mod sessions;
mod single_sign_on;
mod stage;
mod tags;
mod tokens;
mod usage;
