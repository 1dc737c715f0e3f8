//! Records, gateways and callers by the thousand. Made for the benchmarks, which run the program of this package
//! compiled with optimisation, and for end-to-end tests, which use it as a library. Nothing here ships.
//!
//! | module | holds |
//! |---|---|
//! | [`population`] | made-up records, each of them from its number alone |
//! | [`popularity`] | which of them call how often |
//! | [`pages`] | a population as pages of the feed |
//! | [`database`] | a population in a database of the control plane |
//! | [`gateway`] | a gateway without an Envoy |
//! | [`fleet`] | many of them on one thread |
//! | [`usage`] | what gateways count |
//! | [`http`] | a kept connection |
//! | [`memory`] | what Envoy's VMs share, outside of any Envoy |

mod chance;
pub mod database;
pub mod fleet;
pub mod gateway;
pub mod http;
pub mod memory;
pub mod pages;
pub mod popularity;
pub mod population;
pub mod usage;

pub use fleet::Fleet;
pub use gateway::{Applying, Gateway};
pub use memory::Memory;
pub use popularity::Popularity;
pub use population::Population;
