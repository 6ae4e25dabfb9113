//! Rust's errors as the Python exceptions that say the same.

use countermand::ConnectError;
use countermand_core::chain;
use countermand_core::{
    EndpointError, Error, ErrorFacts, ErrorKey, ErrorKind, NameError, Resource, TransportError,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyType};
use serde_json::Value;

use crate::names::OperationName;

pyo3::import_exception!(countermand.errors, CountermandError);
pyo3::import_exception!(countermand.errors, InvalidEndpoint);
pyo3::import_exception!(countermand.errors, InvalidName);

/// The exception for an error of a call.
pub(crate) fn error(py: Python<'_>, error: &Error) -> PyErr {
    let attributes = || {
        let kwargs = PyDict::new(py);
        let operation = error.operation().cloned().map(OperationName);
        kwargs.set_item("operation", operation)?;
        if let Some(Resource::Device(_) | Resource::Enterprise(_)) = error.resource() {
            kwargs.set_item("resource", error.resource().map(Resource::as_str))?;
        }
        kwargs.set_item("kind", error.kind().as_str())?;
        kwargs.set_item("key", error.key().as_str())?;
        kwargs.set_item("maybe_delivered", error.maybe_delivered())?;
        kwargs.set_item("attempts", error.attempts())?;
        kwargs.set_item("advice", error.advice())?;
        kwargs.set_item("device_exists", error.device_exists())?;
        kwargs.set_item("failure_scope", error.kind().failure_scope().as_str())?;
        if let Some(answer) = error.kind().api_error() {
            kwargs.set_item("http_status", answer.http_status())?;
            kwargs.set_item("status", answer.status())?;
            kwargs.set_item("reason", answer.reason())?;
        }
        match error.kind() {
            ErrorKind::Misattributed { found } => {
                kwargs.set_item("found", OperationName(found.clone()))?;
            }
            ErrorKind::Transport(error) => kwargs.set_item("transport", error.kind().as_str())?,
            ErrorKind::NotAttempted { cause } => {
                kwargs.set_item("cause", cause.key().as_str())?;
            }
            _ => {}
        }
        Ok(kwargs)
    };
    let class = class(py, error.key());
    let raised = make(&class, &chain(error), attributes());
    raised.set_cause(py, python_cause(py, error));
    raised
}

/// The exception for options and an environment that give no client.
pub(crate) fn connect(py: Python<'_>, error: ConnectError) -> PyErr {
    let transport = match error {
        ConnectError::Endpoint(error) => return invalid_endpoint(&error),
        ConnectError::Option(error) | ConnectError::Credentials(error) => error,
        ConnectError::NoCredentials(error) => {
            let none = "there is no access token: give token=..., or set COUNTERMAND_TOKEN";
            TransportError::new(error.kind(), format!("{none}; {}", error.cause()))
        }
    };
    self::error(py, &transport.into())
}

/// The exception for an error that was kept as JSON: of an operation, or of the list of a device or an
/// enterprise.
pub(crate) fn kept(
    py: Python<'_>,
    operation: Option<&OperationName>,
    resource: Option<&str>,
    error: &Value,
) -> PyErr {
    let facts = ErrorFacts::stored(error);
    let attributes = || {
        let kwargs = PyDict::new(py);
        kwargs.set_item("operation", operation.cloned())?;
        if resource.is_some() {
            kwargs.set_item("resource", resource)?;
        }
        if let Some(facts) = facts {
            kwargs.set_item("key", facts.key.as_str())?;
            kwargs.set_item("failure_scope", facts.key.row().failure_scope.as_str())?;
        }
        for key in ["kind", "advice", "status", "reason", "transport", "cause"] {
            if let Some(text) = error[key].as_str() {
                kwargs.set_item(key, text)?;
            }
        }
        for key in ["attempts", "http_status"] {
            if let Some(number) = error[key].as_u64() {
                kwargs.set_item(key, number)?;
            }
        }
        for key in ["maybe_delivered", "device_exists"] {
            if let Some(yes) = error[key].as_bool() {
                kwargs.set_item(key, yes)?;
            }
        }
        Ok(kwargs)
    };
    let class = facts.map_or_else(
        || py.get_type::<CountermandError>(),
        |facts| class(py, facts.key),
    );
    make(
        &class,
        error["message"].as_str().unwrap_or_default(),
        attributes(),
    )
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

pub(crate) fn make(
    class: &Bound<'_, PyType>,
    message: &str,
    kwargs: PyResult<Bound<'_, PyDict>>,
) -> PyErr {
    kwargs
        .and_then(|kwargs| class.call((message,), Some(&kwargs)))
        .map_or_else(|error| error, PyErr::from_value)
}

/// The class that the table of errors names.
fn class(py: Python<'_>, key: ErrorKey) -> Bound<'_, PyType> {
    let module = py.import("countermand.errors");
    let class = module.and_then(|module| Ok(module.getattr(key.row().exception)?.cast_into()?));
    // A test looks each of them up.
    class.unwrap_or_else(|_| py.get_type::<CountermandError>())
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
