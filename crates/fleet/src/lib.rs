//! Countermand for fleets: from "which are they?" to "here is the proof for each".

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod item;

pub use item::{Finding, Item, Row, Standing};
