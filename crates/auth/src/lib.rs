//! Access tokens from Google credentials: application default credentials and the explicit ones.
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
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use countermand_auth::Credentials;
//! use countermand_hyper::{Client, HyperConfig, core::Service};
//!
//! let (service, config) = (Service::DEFAULT, HyperConfig::default());
//! let tokens = Credentials::application_default()?.source(service.scope, &config)?;
//! let client = Client::connect(service.endpoint(), tokens, config)?;
//! # Ok(())
//! # }
//! ```
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
