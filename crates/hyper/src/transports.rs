//! Transports that several clients share.

use std::sync::{Arc, Mutex, PoisonError};

use countermand_core::{Endpoint, TransportError};

use crate::config::HyperConfig;
use crate::hyper::Hyper;

/// Gives clients with the same endpoint and equal settings one transport, so that they share its connections.
///
/// For a program with many clients that differ in their tokens, such as the lanes of a job. A token is added above the
/// transport ([`Authorized`](crate::Authorized)), so that each client sends its own. Proxy, CA file and client certificate are settings: where one
/// of them differs, no connection is shared.
///
/// Each client that joins brings the [connections](HyperConfig::connections) that it would have alone. They are made
/// only when those there are have as many streams as the server takes, so that no client waits for streams that the slow
/// answers of another one keep.
///
/// Clones are one. A GOAWAY or a reset of a connection meets the requests of all clients on it.
///
/// ```
/// use countermand_hyper::{Client, Endpoint, HyperConfig, Token, Transports};
///
/// let (transports, endpoint) = (Transports::default(), Endpoint::default());
/// let mut clients = Vec::new();
/// for token in ["token-of-one-project", "token-of-another"] {
///     let transport = transports.to(&endpoint, HyperConfig::default())?;
///     clients.push(Client::over(transport, Token::new(token)?)?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Transports(Arc<Mutex<Vec<Hyper>>>);

impl Transports {
    /// The transport to an endpoint by these settings.
    ///
    /// # Errors
    /// Those of [`Hyper::new`].
    pub fn to(&self, endpoint: &Endpoint, config: HyperConfig) -> Result<Hyper, TransportError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hyper) = known.iter().find(|hyper| hyper.is_to(endpoint, &config)) {
            return Ok(hyper.join());
        }
        let hyper = Hyper::new(endpoint, config)?;
        known.push(hyper.clone());
        Ok(hyper)
    }
}
