//! Developer tasks, and the stage on which the end-to-end tests play.
//! Nothing here ships: the product must not depend on it.

pub mod assemble;
pub mod bench;
pub mod ci;
pub mod fuzz;
pub mod process;
pub mod stage;
pub mod test;
pub mod tools;
pub mod up;
pub mod wasm;
pub mod workspace;
