//! The built command against an emulator on a socket.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod access;
#[path = "../support/api.rs"]
mod api;
mod codes;
mod doctor;
mod drill;
mod emulator;
mod input;
mod not_searched;
mod others;
mod printing;
#[path = "../support/process.rs"]
mod process;
mod proxy;
mod scheduler;
mod secrets;
mod services;
mod services_input;
mod services_jobs;
mod signals;
#[cfg(unix)]
mod terminal;
mod unverifiable;
