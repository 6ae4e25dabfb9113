//! Shared parts of the tests that cross crates.

#![forbid(unsafe_code)]

pub mod dice;
pub mod fleet;
pub mod network;
pub mod rescue;
pub mod schedule;
pub mod server;
pub mod simulation;
pub mod trouble;
pub mod truth;
pub mod vectors;

#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
mod readme {}

#[doc = include_str!("../../docs/rust.md")]
#[cfg(doctest)]
mod rust_page {}
