//! Errors of a source of tokens.

use countermand_core::{TransportError, TransportErrorKind};

/// An error that no retry helps.
pub(crate) fn rejected(problem: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::CredentialsRejected, problem.into())
}

/// An error that may pass.
pub(crate) fn unavailable(problem: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::TokenUnavailable, problem.into())
}
