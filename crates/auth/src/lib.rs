//! Access tokens from Google credentials: application default credentials and the explicit ones.
//!
//! ```
//! use countermand_auth::Credentials;
//! use countermand_emulator::{Config, Fate, Server, Shared, credentials};
//! use countermand_hyper::{Client, Endpoint, HyperConfig, OperationName, Verdict, core::Service};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The emulator, in the place of Google. It also exchanges the credentials of this file for tokens.
//! let emulator = Shared::new(Config::default().parents(1).mix([(1, Fate::Cancellable)]));
//! let server = Server::bind(([127, 0, 0, 1], 0).into(), emulator.clone()).await?;
//! let name: OperationName = emulator.with(|emulator, now| emulator.pending(now))[0].parse()?;
//! let file = credentials("authorized_user", &server.endpoint()).ok_or("unknown kind")?;
//!
//! // `Credentials::application_default()?` finds those of this machine.
//! let credentials = Credentials::from_json(file.to_string().as_bytes(), "the emulator's user")?;
//! let config = HyperConfig::default();
//! let tokens = credentials.source(Service::DEFAULT.scope, &config)?;
//! let endpoint: Endpoint = server.endpoint().parse()?;
//! let client = Client::connect(endpoint, tokens, config)?;
//! assert_eq!(client.countermand(&name).await?.verdict, Verdict::Cancelled);
//! # Ok(())
//! # }
//! ```
//!
//! [`Credentials`] is a key, a refresh token, a metadata server, the right to impersonate.
//! [`Credentials::source`] makes a [`TokenSource`](countermand_hyper::TokenSource) of it that
//! exchanges it for access tokens of a scope. Each token says how long it is good, so that
//! [`Authorized`](countermand_hyper::Authorized) keeps it and replaces it in time. [`TokenFile`] is a
//! file whose token another program keeps fresh, and [`Mtls`] the client certificate of this machine.
//!
//! Each secret goes to one place: where the credentials file, or Google's documentation, says. That
//! is always `https://`, or this machine, or a metadata server. A file from an untrusted source
//! could name another place.
//!
//! Features: `ring` (the default) and `aws-lc-rs` choose the library that does TLS and signs.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod account;
mod address;
mod authorized_user;
mod command;
mod credentials;
mod default;
mod document;
mod error;
mod external_account;
mod external_account_authorized_user;
mod fields;
mod file;
mod impersonation;
mod metadata;
mod mtls;
mod response;
#[cfg(feature = "__tls")]
mod rs256;
#[cfg(not(feature = "__tls"))]
#[path = "no_rs256.rs"]
mod rs256;
mod service_account;
mod source;
mod system;
mod token_file;

pub use credentials::Credentials;
pub use default::well_known_file;
pub use mtls::Mtls;
pub use source::CredentialSource;
pub use token_file::TokenFile;
