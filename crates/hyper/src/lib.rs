//! Countermand over HTTP: executes [`countermand_core`] with tokio and hyper.
//!
//! ```
//! use countermand_emulator::{Config, Fate, Server, Shared};
//! use countermand_hyper::{Client, Endpoint, HyperConfig, OperationName, Token, Verdict};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The emulator, in the place of Google.
//! let emulator = Shared::new(Config::default().parents(1).mix([(1, Fate::Cancellable)]));
//! let server = Server::bind(([127, 0, 0, 1], 0).into(), emulator.clone()).await?;
//! let name: OperationName = emulator.with(|emulator, now| emulator.pending(now))[0].parse()?;
//!
//! let endpoint: Endpoint = server.endpoint().parse()?; // Endpoint::default() is Google's
//! let client = Client::connect(endpoint, Token::new("emulator-token")?, HyperConfig::default())?;
//! let outcome = client.countermand(&name).await?;
//! assert_eq!(outcome.verdict, Verdict::Cancelled);
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`] is what most programs want: `cancel`, `get`, `list_operations`, `countermand`,
//!   `countermand_all`.
//! - [`Transport`] carries a request to the server. [`Hyper`] is one, and so is a closure.
//! - [`TokenSource`] gives tokens; [`Authorized`] puts them on a transport's requests.
//! - [`drive`] is the loop between a machine of the core and a transport; [`driver`] says what it
//!   logs.
//!
//! Features: `ring` (the default) and `aws-lc-rs` choose the library that does TLS; without both,
//! `https://` is refused.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod authorized;
mod body;
mod client;
mod clock;
mod config;
mod connect;
pub mod driver;
mod frames;
mod hyper;
mod log;
mod moment;
mod multiplexed;
mod no_proxy;
mod pool;
mod proxy;
mod proxy_url;
mod request_body;
mod resolve;
mod route;
pub mod runtime;
mod scheduler_stream;
mod secret_file;
mod system;
#[cfg(feature = "__tls")]
mod tls;
#[cfg(not(feature = "__tls"))]
#[path = "no_tls.rs"]
mod tls;
mod token;
mod token_cache;
mod token_state;
mod transport;
mod transports;
mod tunnel;

pub use authorized::Authorized;
pub use client::Client;
pub use clock::monotonic_now;
pub use config::HyperConfig;
/// The core, so that each type of a signature here has a name without another dependency.
pub use countermand_core as core;
pub use countermand_core::{
    Endpoint, Error, ErrorKind, FailureScope, Operation, OperationName, Outcome, ParentName,
    Policy, Step, Transmit, TransportError, TransportErrorKind, Verdict,
};
pub use countermand_scheduler as scheduler;
pub use countermand_scheduler::Quota;
pub use driver::drive;
pub use hyper::Hyper;
pub use scheduler_stream::{Journal, SchedulerStream};
pub use secret_file::SecretFile;
pub use token::{
    Billed, Token, TokenFn, TokenSource, billed_to, check_universe, quota_project_header, token_fn,
};
pub use transport::{BoxFuture, BoxStream, Transport};
pub use transports::Transports;
