//! Tests that cross crates.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod attempts;
mod bulk;
mod cancellations;
mod cancels_first;
mod circles;
mod corpus;
mod errors;
mod events;
mod faults;
mod lossy;
mod promises;
mod quota;
mod reads;
mod reliability;
mod restart;
mod scheduler;
mod search;
mod searched_names;
mod second_service;
mod services;
mod simulation;
mod states;
mod told;
mod vectors;
mod workspace;
