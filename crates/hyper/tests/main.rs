//! The client, its transport and its tokens, on sockets of this machine. One binary: linking costs more than compiling.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod common;
mod connections;
mod dead;
mod examples;
mod http1;
mod http2;
mod keeping;
mod kit;
mod proxy;
mod reach;
mod runtime;
mod stopping;
mod timed_out;
mod tls;
mod tokens;
