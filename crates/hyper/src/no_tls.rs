//! In the place of TLS where the crate is built without it.

use countermand_core::{TransportError, TransportErrorKind};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::config::HyperConfig;
use crate::proxy::Way;

/// Nobody has one.
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn new(host: &str, _: &HyperConfig) -> Result<Self, TransportError> {
        let message = format!("https to {host}: built without TLS (features `ring`, `aws-lc-rs`)");
        Err(TransportError::new(TransportErrorKind::NotAllowed, message))
    }

    pub(crate) async fn connect(
        &self,
        _: TokioIo<TcpStream>,
        _: Option<&Way>,
    ) -> Result<(TokioIo<TcpStream>, bool), TransportError> {
        match *self {}
    }
}

/// Nobody speaks TLS.
pub(crate) const fn is_refusal(_: &std::io::Error) -> bool {
    false
}
