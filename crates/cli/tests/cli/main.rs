//! The built command against an emulator on a socket.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod campaign;
mod codes;
mod emulator;
mod input;
mod others;
mod printing;
mod process;
mod proxy;
mod secrets;
mod signals;
#[cfg(unix)]
mod terminal;
