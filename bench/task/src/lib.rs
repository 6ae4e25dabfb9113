//! What every Rust client of the benchmark is told to do.

mod allocations;
mod task;

pub use allocations::Counting;
pub use task::{Task, Work};
