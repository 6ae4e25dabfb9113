//! The task of every Rust client of the benchmark.

mod allocations;
mod task;

pub use allocations::Counting;
pub use task::{Task, Work};
