//! Executes countermand-core over hyper.
#![forbid(unsafe_code)]

mod transport;

pub use countermand_core::{Transmit, TransportError, TransportErrorKind};
pub use transport::{BoxFuture, Transport};
