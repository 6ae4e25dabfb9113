//! Tests that cross crates.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod corpus;
mod faults;
mod simulation;
mod vectors;
mod workspace;
