//! Jobs from the shell: what goes wrong while a fleet is cancelled, and what is true afterwards.
#![forbid(unsafe_code)]
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic, and tell its figures"
)]

mod again;
#[path = "../support/api.rs"]
mod api;
mod commands;
mod crash;
mod dead;
mod disk;
mod exits;
mod fates;
mod files;
mod fleet;
mod guards;
#[cfg(target_os = "linux")]
mod hangup;
mod hostile;
mod input;
mod input_kinds;
mod invariants;
mod json_lines;
mod killed;
mod lanes;
mod lanes_services;
mod lanes_split;
mod lanes_together;
mod one_cause;
mod outputs;
mod places;
mod portal;
#[path = "../support/process.rs"]
mod process;
mod repeated;
mod restarted;
mod rng;
mod searching;
mod selection;
mod settled;
mod stopped;
mod strange;
mod told;
mod two;
mod vanished;
mod world;
