//! Endpoint, transport settings and tokens of a client.

use std::sync::Arc;

use countermand_auth::Credentials;
use countermand_core::{Endpoint, Service};
use countermand_hyper::{Client, HyperConfig, TokenSource, Transports};

use countermand_scheduler::Quota;

use crate::connect_error::ConnectError;

/// Endpoint, transport settings and tokens, as options and environment give them.
///
/// For programs that show where tokens come from, pass warnings on, or check the credentials before
/// they begin. [`ClientBuilder::resolve`](crate::ClientBuilder::resolve) makes it.
#[derive(Clone)]
pub struct Access {
    pub(crate) service: &'static Service,
    pub(crate) scope: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) config: HyperConfig,
    pub(crate) credentials: Credentials,
    pub(crate) tokens: Arc<dyn TokenSource>,
    pub(crate) warnings: Vec<String>,
    /// The credentials are the default ones, which need not be there.
    pub(crate) unnamed: bool,
}

impl Access {
    /// A client with the documented quota; connects when the first request is made.
    ///
    /// # Errors
    /// A file of a certificate cannot be used, or the tokens are of another
    /// [universe](TokenSource::universe_domain) than the endpoint.
    pub fn connect(&self) -> Result<Client, ConnectError> {
        self.connect_by(&Transports::default())
    }

    /// The same by one of several transports, whose connections are shared with the other clients that have the same
    /// endpoint and settings. The tokens are this client's alone.
    ///
    /// # Errors
    /// As of [`connect`](Self::connect).
    pub fn connect_by(&self, transports: &Transports) -> Result<Client, ConnectError> {
        let transport = transports.to(&self.endpoint, self.config.clone());
        transport
            .and_then(|transport| Client::over(transport, self.tokens()))
            .map(|client| client.quota(Quota::of_service(self.service)))
            .map_err(ConnectError::of)
    }

    /// Fails where there is no token at all: looks for a metadata server if nothing else gives one.
    /// Otherwise it does nothing.
    ///
    /// For programs that rather fail before their first request than with it. Its future may be dropped
    /// at any time.
    ///
    /// # Errors
    /// [`NoCredentials`](ConnectError::NoCredentials).
    pub async fn check_credentials(&self) -> Result<(), ConnectError> {
        match self.unnamed {
            true => self
                .credentials
                .found(&self.scope, &self.config)
                .await
                .map_err(ConnectError::NoCredentials),
            false => Ok(()),
        }
    }

    /// True if there may be no token at all, and [`check_credentials`](Self::check_credentials) has to
    /// send a request to know.
    #[must_use]
    pub const fn may_lack_credentials(&self) -> bool {
        self.unnamed && self.credentials.are_guessed()
    }

    /// The service of the operations.
    #[must_use]
    pub const fn service(&self) -> &'static Service {
        self.service
    }

    /// Root and version of the API.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Settings of the transport, the client certificate among them.
    #[must_use]
    pub const fn config(&self) -> &HyperConfig {
        &self.config
    }

    /// The source of the tokens, with the project that pays.
    #[must_use]
    pub fn tokens(&self) -> Arc<dyn TokenSource> {
        Arc::clone(&self.tokens)
    }

    /// The origin of the tokens, in words that can be shown.
    #[must_use]
    pub fn description(&self) -> &str {
        self.credentials.description()
    }

    /// Warnings for a person, such as that others can read the file of a key.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint)
            .field("credentials", &self.credentials)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
