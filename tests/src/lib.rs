//! The vocabulary of the end-to-end sentences. The sentences themselves stand in the files beside `src/`.

mod browser;
mod canary;
mod cases;
mod conduct;
mod exposition;
mod feed_proxy;
mod key_set_server;
mod listener_file;
mod name_server;
mod play;
mod promql;
mod rate_limit_server;
mod replicas;
mod siege;
mod ward;
mod watch;

pub use browser::*;
pub use canary::*;
pub use cases::*;
pub use conduct::*;
pub use exposition::*;
pub use feed_proxy::*;
pub use key_set_server::*;
pub use listener_file::*;
pub use name_server::*;
pub use play::*;
pub use promql::*;
pub use rate_limit_server::*;
pub use replicas::*;
pub use siege::*;
pub use ward::*;
pub use watch::*;
pub use xtask::stage::{Signer, base64url, seconds_from_now};
