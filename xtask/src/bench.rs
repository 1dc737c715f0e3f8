//! Benchmarks beside Envoy's own filters. Each writes what it measured, and how, below `bench/` in the build directory.

mod cores;
mod cpu;
mod gateway;
mod load;
mod machine;
mod report;
mod request;

pub use request::request;
