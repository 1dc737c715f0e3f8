//! The control plane: [`app`] is what operators and gateways can do; [`api`], [`feed`] and [`health`] are thin doors
//! to it over HTTP, listed in [`router`]; [`serve`] opens them. [`fetch`] looks for key sets elsewhere. SQL belongs to
//! the store. [`cli`] is the command line, and [`client`] its way to a control plane.

pub mod api;
pub mod app;
pub mod bearer;
pub mod cli;
pub mod client;
mod collector;
pub mod console;
pub mod feed;
pub mod fetch;
pub mod health;
pub mod identity;
pub mod listener;
pub mod log;
pub mod metrics;
pub mod problem;
pub mod request_id;
pub mod requests;
pub mod router;
pub mod secret_key;
pub mod serve;
pub mod settings;
pub mod stops;
pub mod traces;
pub mod upkeep;
pub mod usage_export;
pub mod version;
