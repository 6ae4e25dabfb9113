//! Errors of a source of tokens.

use countermand_core::{TransportError, TransportErrorKind};

/// No token can be had, however often it is tried.
pub(crate) fn rejected(problem: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::CredentialsRejected, problem.into())
}

/// No token can be had for now.
pub(crate) fn unavailable(problem: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::TokenUnavailable, problem.into())
}
