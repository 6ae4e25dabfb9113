//! Errors of options and environment.

use countermand_core::{EndpointError, TransportError, TransportErrorKind};

/// The reason why options and environment give no client.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a program decides by it what to tell and how to exit"
)]
pub enum ConnectError {
    /// `COUNTERMAND_ENDPOINT` is not the URL of an API.
    #[error("the variable COUNTERMAND_ENDPOINT cannot be used")]
    Endpoint(#[source] EndpointError),
    /// Another option or variable has a value that cannot be used, such as a CA file that cannot be
    /// read, or plain `http://` to another machine.
    #[error("an option or a variable cannot be used")]
    Option(#[source] TransportError),
    /// The credentials that were given cannot be used.
    #[error("the credentials cannot be used")]
    Credentials(#[source] TransportError),
    /// The options name no credentials, and the environment has none.
    #[error("there is no access token")]
    NoCredentials(#[source] TransportError),
}

impl ConnectError {
    /// For an error of the transport, which says by its kind whether it concerns the credentials.
    pub(crate) fn of(error: TransportError) -> Self {
        match error.kind() {
            TransportErrorKind::CredentialsRejected => Self::Credentials(error),
            _ => Self::Option(error),
        }
    }
}
