//! A failure that several waiters share.

use std::sync::Arc;

use countermand_core::{TransportError, TransportErrorKind, chain};

/// What a [`TransportError`] says, so that everybody who waited for one thing can be told.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: TransportErrorKind,
    message: Arc<str>,
}

impl Failure {
    pub(crate) fn new(kind: TransportErrorKind, message: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        let message = match std::error::Error::source(&error) {
            Some(cause) => chain(cause),
            None => error.to_string(),
        };
        Self::new(error.kind(), message)
    }
}

impl From<Failure> for TransportError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind, &*failure.message)
    }
}
