//! The vocabulary of the end-to-end sentences. The sentences themselves stand in the files beside `src/`.

mod play;

pub use play::*;
