//! Countermand for fleets: from "which are they?" to "here is the proof for each".

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

pub mod input;
mod item;
pub mod report;

pub use item::{Finding, Item, Row, Standing};
