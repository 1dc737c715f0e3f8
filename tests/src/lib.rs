//! The vocabulary of the end-to-end sentences. The sentences themselves stand in the files beside `src/`.

mod canary;
mod key_set_server;
mod play;

pub use canary::*;
pub use key_set_server::*;
pub use play::*;
pub use xtask::stage::{Signer, base64url, seconds_from_now};
