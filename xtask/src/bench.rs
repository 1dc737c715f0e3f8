//! Benchmarks beside Envoy's own filters. Each writes what it measured, and how, below `bench/` in the build directory.

mod cores;
mod cpu;
mod engine;
mod gateway;
mod load;
mod machine;
mod native;
mod others;
mod report;
mod request;
mod tokens;

pub use engine::engine;
pub use request::request;
