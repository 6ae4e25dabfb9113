//! From the errors of a client to exceptions.

use countermand_core::{Error, ErrorKind, TransportErrorKind};
use pyo3::prelude::*;

use crate::call::Ready;
use crate::errors;
use crate::token::Callback;

/// Makes exceptions of errors, with what a token callback raised as the cause.
#[derive(Clone)]
pub(crate) struct Raiser(pub(crate) Option<Callback>);

impl Raiser {
    /// The exception for an error.
    pub(crate) fn raise(&self, py: Python<'_>, error: &Error) -> PyErr {
        let exception = errors::error(py, error);
        if let ErrorKind::Transport(error) = error.kind()
            && error.kind() == TransportErrorKind::CredentialsRejected
            && let Some(callback) = &self.0
        {
            exception.set_cause(py, callback.raised(py));
        }
        exception
    }

    pub(crate) fn ready<T: Send + 'static>(
        &self,
        result: Result<T, Error>,
        make: fn(Python<'_>, T) -> PyResult<Py<PyAny>>,
    ) -> Ready {
        let raiser = self.clone();
        Box::new(move |py| match result {
            Ok(value) => make(py, value),
            Err(error) => Err(raiser.raise(py, &error)),
        })
    }
}
