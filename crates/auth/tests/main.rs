//! Sources of tokens, against the emulator over sockets. One binary: linking costs more than compiling.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod credentials;
mod mtls;
mod real_life;
mod token_file;
