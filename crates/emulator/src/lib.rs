//! The API of a service with long-running operations, which behaves, and misbehaves on request.
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use countermand_emulator::{Action, Config, Emulator, State};
//!
//! let mut emulator = Emulator::new(Config::default().parents(1).mix([(1, countermand_emulator::Fate::Cancellable)]));
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
//!
//! [`Emulator::handle`] is pure: time is an argument, chance is a seed, and the action of a socket comes back as an
//! [`Action`]. That makes a test of a whole rescue take microseconds, and every run of it the same. [`Server`] puts the same
//! emulator on a port for clients that need one.
//!
//! - A [`Fate`] is the future of an operation; [`Quirks`] answer the questions the documentation leaves open.
//! - A [`Script`] makes chosen calls fail: statuses, resets, stalls, lying bodies.
//! - A [`Config::service`] names the service: any one that is described, by default the Android Management API.
//! - A [`ServerQuota`] refuses calls that are too many, in fixed or sliding windows; [`Emulator::quota`] has the calls that are spent.
//!   [`ServerUsage`] is that alone.
//! - [`Emulator::audit`] has the requests, [`Emulator::truth`] the true state of each operation.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod android_management;
mod answer;
mod api;
mod audit;
mod bad_input;
mod batch;
mod call;
mod config;
mod discovery;
mod emulator;
mod extras;
mod fate;
mod fleet;
mod front_end;
mod generate;
mod generated;
mod handle;
mod identity;
mod mask;
mod meter;
mod method;
mod name;
mod operation;
mod page;
mod percent;
mod presets;
mod quirks;
mod quota;
mod quota_report;
mod refusal;
mod reply;
mod resource;
mod rng;
mod script;
mod scripted;
mod server;
mod server_usage;
mod services;
mod shared;
mod show;
mod simulation;
mod site;
mod system;
mod time;
mod tls;
mod transport;
mod truth;
mod wire;
mod world;

pub use audit::Audited;
pub use bad_input::BadInput;
pub use config::Config;
pub use emulator::Emulator;
pub use fate::Fate;
pub use fleet::{Added, NewOperation, NewParent};
pub use identity::{Issued, credentials};
pub use presets::{PRESETS, Preset};
pub use quirks::{Expiry, FinishedCancel, NoCancel, Quirks, Shape};
pub use quota::{Hints, ServerQuota, WindowKind};
pub use quota_report::{QuotaReport, ResourceReport, WindowReport};
pub use reply::{Action, Breakage, Mangling, Reply};
pub use script::Script;
pub use server::Server;
pub use server_usage::ServerUsage;
pub use shared::Shared;
pub use simulation::{FailingPart, Fates, ScheduleRow, Simulated, Simulation};
pub use tls::Tls;
pub use truth::{State, Truth};
