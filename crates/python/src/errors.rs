//! Rust's errors as the Python exceptions that say the same.

use countermand_core::{
    EndpointError, Error, ErrorKind, NameError, Reach, TransportErrorKind, chain,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyType};

use crate::names::OperationName;

pyo3::import_exception!(countermand.errors, CountermandError);
pyo3::import_exception!(countermand.errors, CredentialsError);
pyo3::import_exception!(countermand.errors, FailedPrecondition);
pyo3::import_exception!(countermand.errors, InvalidArgument);
pyo3::import_exception!(countermand.errors, InvalidEndpoint);
pyo3::import_exception!(countermand.errors, InvalidName);
pyo3::import_exception!(countermand.errors, Malformed);
pyo3::import_exception!(countermand.errors, Misattributed);
pyo3::import_exception!(countermand.errors, NotAttempted);
pyo3::import_exception!(countermand.errors, NotFound);
pyo3::import_exception!(countermand.errors, PermissionDenied);
pyo3::import_exception!(countermand.errors, Redirected);
pyo3::import_exception!(countermand.errors, ResourceExhausted);
pyo3::import_exception!(countermand.errors, TimedOut);
pyo3::import_exception!(countermand.errors, TlsError);
pyo3::import_exception!(countermand.errors, TransportError);
pyo3::import_exception!(countermand.errors, Unauthenticated);
pyo3::import_exception!(countermand.errors, Unavailable);
pyo3::import_exception!(countermand.errors, Unimplemented);

/// The exception for an error of a call.
pub(crate) fn error(py: Python<'_>, error: &Error) -> PyErr {
    let attributes = || {
        let kwargs = PyDict::new(py);
        let operation = error.operation().cloned().map(OperationName);
        kwargs.set_item("operation", operation)?;
        kwargs.set_item("kind", error.kind().as_str())?;
        kwargs.set_item("maybe_delivered", error.maybe_delivered())?;
        kwargs.set_item("attempts", error.attempts())?;
        kwargs.set_item("advice", error.advice())?;
        kwargs.set_item("device_exists", error.device_exists())?;
        let reach = match error.kind().reach() {
            Reach::Operation => "operation",
            Reach::Enterprise => "enterprise",
            Reach::Everything => "everything",
        };
        kwargs.set_item("reach", reach)?;
        if let Some(answer) = error.kind().answer() {
            kwargs.set_item("http_status", answer.http_status())?;
            kwargs.set_item("status", answer.status())?;
            kwargs.set_item("reason", answer.reason())?;
        }
        match error.kind() {
            ErrorKind::Misattributed { found } => {
                kwargs.set_item("found", OperationName(found.clone()))?;
            }
            ErrorKind::Transport(error) => kwargs.set_item("transport", error.kind().as_str())?,
            _ => {}
        }
        Ok(kwargs)
    };
    let raised = make(&class(py, error.kind()), &chain(error), attributes());
    raised.set_cause(py, python_cause(py, error));
    raised
}

/// The exception for a refused name.
pub(crate) fn invalid_name(py: Python<'_>, error: &NameError) -> PyErr {
    let attributes = || {
        let kwargs = [("kind", error.kind().as_str())].into_py_dict(py)?;
        kwargs.set_item("input", error.input())?;
        kwargs.set_item("at", error.at())?;
        kwargs.set_item("expected", error.expected())?;
        Ok(kwargs)
    };
    make(
        &py.get_type::<InvalidName>(),
        &error.to_string(),
        attributes(),
    )
}

/// The exception for a refused endpoint.
pub(crate) fn invalid_endpoint(error: &EndpointError) -> PyErr {
    InvalidEndpoint::new_err(error.to_string())
}

/// The exception where there is nobody left to do the work.
pub(crate) fn exiting() -> PyErr {
    PyRuntimeError::new_err("the interpreter is exiting")
}

fn make(class: &Bound<'_, PyType>, message: &str, kwargs: PyResult<Bound<'_, PyDict>>) -> PyErr {
    kwargs
        .and_then(|kwargs| class.call((message,), Some(&kwargs)))
        .map_or_else(|error| error, PyErr::from_value)
}

fn class<'py>(py: Python<'py>, kind: &ErrorKind) -> Bound<'py, PyType> {
    match kind {
        ErrorKind::InvalidArgument(_) => py.get_type::<InvalidArgument>(),
        ErrorKind::Unauthenticated(_) => py.get_type::<Unauthenticated>(),
        ErrorKind::PermissionDenied(_) => py.get_type::<PermissionDenied>(),
        ErrorKind::NotFound(_) => py.get_type::<NotFound>(),
        ErrorKind::FailedPrecondition(_) => py.get_type::<FailedPrecondition>(),
        ErrorKind::ResourceExhausted(_) => py.get_type::<ResourceExhausted>(),
        ErrorKind::Unimplemented(_) => py.get_type::<Unimplemented>(),
        ErrorKind::Unavailable(_) => py.get_type::<Unavailable>(),
        ErrorKind::Redirected(_) => py.get_type::<Redirected>(),
        ErrorKind::Malformed(_) => py.get_type::<Malformed>(),
        ErrorKind::Misattributed { .. } => py.get_type::<Misattributed>(),
        ErrorKind::NotAttempted { .. } => py.get_type::<NotAttempted>(),
        ErrorKind::Transport(error) => match error.kind() {
            TransportErrorKind::TimedOut => py.get_type::<TimedOut>(),
            TransportErrorKind::Tls => py.get_type::<TlsError>(),
            TransportErrorKind::Token | TransportErrorKind::Credentials => {
                py.get_type::<CredentialsError>()
            }
            _ => py.get_type::<TransportError>(),
        },
        _ => py.get_type::<CountermandError>(),
    }
}

/// What a Python callback raised, if that is at the bottom of it.
fn python_cause(py: Python<'_>, error: &dyn std::error::Error) -> Option<PyErr> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(raised) = cause.downcast_ref::<PyErr>() {
            return Some(raised.clone_ref(py));
        }
        next = cause.source();
    }
    None
}
