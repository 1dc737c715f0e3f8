//! Benchmarks beside Envoy's own filters. Each writes what it measured, and how, below `bench/` in the build directory.

mod configuration;
mod console;
mod cores;
mod counted;
mod counting;
mod cpu;
mod endurance;
mod engine;
mod gateway;
mod limits;
mod load;
mod machine;
mod memory;
mod native;
mod others;
mod populated;
mod prices;
mod quotas;
mod report;
mod request;
mod revoke;
mod scale;
mod scene;
mod sync;
mod tokens;
mod usage;

pub use configuration::{Configuration, configuration};
pub use console::{Console, console};
pub use endurance::{Endurance, endurance};
pub use engine::engine;
pub use limits::{Limits, LimitsPart, limits};
pub use request::request;
pub use revoke::{Revocations, revoke};
pub use sync::{Part, Sync, sync};
pub use usage::{UsageLoad, usage};
