//! Cancels Android Management API operations before a device runs them, and proves what became of
//! each.
//!
//! ```
//! use countermand::{ClientBuilder, Credentials, Endpoint, OperationName, Token, Verdict};
//! use countermand_emulator::{Config, Fate, Server, Shared};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The emulator, in the place of Google.
//! let emulator = Shared::new(Config::default().parents(1).mix([(1, Fate::Cancellable)]));
//! let server = Server::bind(([127, 0, 0, 1], 0).into(), emulator.clone()).await?;
//! let name: OperationName = emulator.with(|emulator, now| emulator.pending(now))[0].parse()?;
//!
//! // `ClientBuilder::new().connect()?` is Google's API, with the credentials of the environment.
//! let endpoint: Endpoint = server.endpoint().parse()?;
//! let token = Credentials::from_tokens(Token::new("emulator-token")?, "the emulator's token");
//! let client = ClientBuilder::new().endpoint(endpoint).credentials(token).connect()?;
//! let outcome = client.countermand(&name).await?;
//! assert_eq!(outcome.verdict, Verdict::Cancelled, "{}", outcome.verdict.meaning());
//! # Ok(())
//! # }
//! ```
//!
//! Two types matter first. [`Client`] sends: `cancel` asks, `countermand` asks and verifies. Its answer,
//! an [`Outcome`], holds a [`Verdict`] and the server's evidence for it.
//!
//! A tokio runtime with time and I/O has to run; without one, each call fails with an error that says so. [`ClientBuilder`] takes endpoint, tokens and client
//! certificate of options, else of the environment; [`Client::connect`] takes them as they are, and
//! [`Client::new`] any other transport.
//!
//! # Credentials
//!
//! Without an option, tokens come from `COUNTERMAND_TOKEN`, else from application default credentials.
//! [`Credentials`] has the other sources:
//!
//! ```no_run
//! use countermand::{ClientBuilder, Credentials, Token, token_fn};
//!
//! # async fn ask_vault() -> String { String::new() }
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Credentials::from_file("key.json")?; // or any other file that gcloud writes
//! let on_behalf = ClientBuilder::new().credentials(key).subject("admin@example.com").connect()?;
//!
//! // Application default credentials that may impersonate a service account.
//! let rescue = "rescue@acme.iam.gserviceaccount.com";
//! let impersonating = ClientBuilder::new().impersonate(rescue).connect()?;
//!
//! let command = Credentials::command("vault read -field=token gcp/token/rescue");
//! let function = token_fn(|_refused| async { Token::new(&ask_vault().await) });
//! let function = Credentials::from_tokens(function, "our vault");
//! # Ok(())
//! # }
//! ```
//!
//! [`ClientBuilder::resolve`] shows where the tokens come from, and what to warn of, before anything is
//! sent.
//!
//! # Many operations under one quota
//!
//! [`Client::countermand_all`] is a stream of results. The quota is never exceeded, and a failure that
//! concerns all operations stops them once. Here the server is the emulator of
//! `countermand-emulator`, which is a [`Transport`]:
//!
//! ```
//! use countermand::{Client, Credentials, OperationName, Quota, Token, Verdict};
//! use countermand::hyper::Authorized;
//! use countermand_emulator::{Config, Fate, Shared};
//! use futures_util::StreamExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Shared::new(Config::default().parents(3).mix([(1, Fate::Cancellable)]));
//! let names = emulator.with(|emulator, now| emulator.pending(now));
//! let names = names.iter().map(|name| name.parse()).collect::<Result<Vec<OperationName>, _>>()?;
//!
//! let token = Token::new("emulator-token")?;
//! let client = Client::new(Authorized::new(Default::default(), token, emulator))
//!     .quota(Quota::default().share(0.5)) // leaves half to others
//!     .in_flight(20);
//! let mut results = client.countermand_all(names);
//! while let Some((name, result)) = results.next().await {
//!     assert_eq!(result?.verdict, Verdict::Cancelled, "{name}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `countermand-fleet` goes on from here: it finds pending operations, keeps them in a job file that
//! survives a crash, and reports what became of each.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `ring` (default) | TLS and signatures by ring, which starts at once |
//! | `aws-lc-rs` | TLS and signatures by aws-lc-rs: post-quantum key exchange. Wins if both are chosen |
//!
//! ```toml
//! countermand = { version = "0.1", default-features = false, features = ["aws-lc-rs"] }
//! ```
//!
//! Without either, `https://` is refused. The crates below can be used alone: [`core`] is one operation
//! without I/O, [`scheduler`] many of them, [`hyper`] the transport and the client, [`auth`] the
//! credentials.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod client_builder;
mod connect_error;
mod service_file;

pub use access::Access;
pub use client_builder::ClientBuilder;
pub use connect_error::ConnectError;
pub use countermand_auth::{self as auth, Credentials, Mtls};
pub use countermand_core::{
    self as core, Endpoint, Error, ErrorKind, GrandparentName, Operation, OperationName, Outcome,
    ParentName, Policy, Service, Verdict,
};
pub use countermand_hyper::{
    self as hyper, Client, HyperConfig, Token, TokenSource, Transport, token_fn,
};
pub use countermand_scheduler::{self as scheduler, Quota};
pub use service_file::service_from_file;
