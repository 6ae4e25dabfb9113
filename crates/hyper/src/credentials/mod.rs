//! Where an access token comes from: application default credentials, and the explicit ones.
//!
//! [`Credentials`] is what somebody has: a key, a refresh token, a metadata server, the right to
//! impersonate. [`Credentials::source`] makes a [`TokenSource`](crate::TokenSource) of it that
//! exchanges it for access tokens of the scope [`SCOPE`], each of which says how long it is good, so that
//! [`Authorized`](crate::Authorized) keeps it and replaces it in time.
//!
//! Each secret goes to one place: where the credentials file, or Google's documentation, says. That
//! is always `https://`, or this machine, or a metadata server. A file from somebody who is not
//! trusted could name a place of theirs.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use countermand_hyper::credentials::Credentials;
//! use countermand_hyper::{Client, Endpoint, HyperConfig};
//!
//! let config = HyperConfig::default();
//! let tokens = Credentials::application_default()?.source(&config)?;
//! let client = Client::connect(Endpoint::default(), tokens, config)?;
//! # Ok(())
//! # }
//! ```

mod answer;
mod application_default;
mod authorized_user;
mod command;
mod document;
mod external_account;
mod federated_user;
mod fields;
mod file;
mod impersonated;
mod metadata;
mod mtls;
#[cfg(feature = "__tls")]
mod rs256;
#[cfg(not(feature = "__tls"))]
#[path = "no_rs256.rs"]
mod rs256;
mod service_account;
mod source;
mod token_or_credentials;
mod wire;

pub use application_default::well_known_file;
pub use file::Credentials;
pub use mtls::Mtls;
pub use source::CredentialSource;
pub use token_or_credentials::TokenOrCredentials;

/// The one scope of the Android Management API.
pub const SCOPE: &str = "https://www.googleapis.com/auth/androidmanagement";

/// What it takes to impersonate a service account.
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// No token can be had, whoever tries.
fn refused(problem: impl Into<String>) -> countermand_core::TransportError {
    let kind = countermand_core::TransportErrorKind::CredentialsRejected;
    countermand_core::TransportError::new(kind, problem.into())
}

/// No token can be had for now.
fn passing(problem: impl Into<String>) -> countermand_core::TransportError {
    let kind = countermand_core::TransportErrorKind::TokenUnavailable;
    countermand_core::TransportError::new(kind, problem.into())
}
