//! An Android Management API that behaves, and misbehaves on request.
//!
//! [`Emulator::handle`] is pure: time is an argument, chance is a seed, and what a socket would do comes back as an
//! [`Action`]. That makes a test of a whole rescue take microseconds, and every run of it the same. [`Server`] puts the same
//! emulator on a port for clients that need one.
//!
//! - A [`Fate`] says what becomes of an operation; [`Quirks`] answer the questions the documentation leaves open.
//! - A [`Script`] makes chosen calls fail: statuses, resets, stalls, lying bodies.
//! - A [`ServerQuota`] refuses what is too much, in fixed or sliding windows; [`Emulator::quota`] says what is spent.
//!   [`ServerUsage`] is that alone.
//! - [`Emulator::audit`] says what was asked, [`Emulator::truth`] what really happened.
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use countermand_emulator::{Action, Config, Emulator, State};
//!
//! let mut emulator = Emulator::new(Config::default().devices(1).mix([(1, countermand_emulator::Fate::Cancellable)]));
//! let name = emulator.pending(Duration::ZERO).remove(0);
//! let request = http::Request::post(format!("http://localhost/v1/{name}:cancel"))
//!     .header("authorization", format!("Bearer {}", emulator.token()))
//!     .header("content-length", "0")
//!     .body(Bytes::new())?;
//!
//! let reply = emulator.handle(Duration::from_secs(1), &request);
//! let Action::Respond(response) = reply.action else { panic!("no faults were asked for") };
//! assert_eq!(response.status(), 200);
//! let truth = emulator.truth(Duration::from_secs(1));
//! assert!(truth.iter().any(|row| row.name == name && row.state == State::Cancelled));
//! # Ok::<(), http::Error>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod answer;
mod api;
mod audit;
mod batch;
mod call;
mod config;
mod discovery;
mod emulator;
mod enterprise;
mod fate;
mod fleet;
mod front_end;
mod generate;
mod generated;
mod identity;
mod mask;
mod meter;
mod operation;
mod percent;
mod presets;
mod quirks;
mod quota;
mod quota_report;
mod refusal;
mod reply;
mod rng;
mod script;
mod scripted;
mod server;
mod server_usage;
mod shared;
mod site;
mod time;
mod tls;
mod transport;
mod wire;

pub use audit::{Audited, Truth};
pub use config::Config;
pub use emulator::Emulator;
pub use fate::Fate;
pub use fleet::{Added, NewDevice, NewOperation};
pub use identity::{Issued, credentials};
pub use operation::State;
pub use presets::{PRESETS, Preset};
pub use quirks::{Expiry, FinishedCancel, Quirks, Shape};
pub use quota::{Hints, ServerQuota, WindowKind};
pub use quota_report::{QuotaReport, ResourceReport, WindowReport};
pub use reply::{Action, Reply};
pub use script::Script;
pub use server::Server;
pub use server_usage::ServerUsage;
pub use shared::Shared;
pub use tls::Tls;

/// What is wrong with a script or with a description of devices, and where.
///
/// It is worded for the person who wrote the input; there is nothing in it to match on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(String);

impl BadInput {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }

    /// The same problem, with the place in front.
    pub(crate) fn at(self, place: impl std::fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}
