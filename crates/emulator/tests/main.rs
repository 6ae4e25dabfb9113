//! The emulator, by function calls and on sockets. One binary: linking costs more than compiling.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod admin;
mod api;
mod browser;
mod clients;
mod common;
mod docs;
mod fates;
mod files;
mod http2;
mod identity;
mod quota;
mod script;
mod socket;
mod states;
mod time_scale;
mod transport;
