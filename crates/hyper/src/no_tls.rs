//! The place of TLS where the crate is built without it.

use std::io;

use countermand_core::{TransportError, TransportErrorKind};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::config::HyperConfig;
use crate::route::Route;

/// A connection to a server, in plain text.
pub(crate) type Stream = TokioIo<TcpStream>;

/// TLS that does not exist.
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn new(host: &str, _: Route, _: &HyperConfig) -> Result<Self, TransportError> {
        let message = format!("https to {host}: built without TLS (features `ring`, `aws-lc-rs`)");
        Err(TransportError::new(TransportErrorKind::NotAllowed, message))
    }

    pub(crate) async fn connect(&self, _: Uri) -> Result<Stream, TransportError> {
        match *self {}
    }
}

/// Never: there is no TLS to refuse anything.
pub(crate) const fn is_refusal(_: &io::Error) -> bool {
    false
}
