//! Rust's errors as the Python exceptions that say the same.

use countermand::ConnectError;
use countermand_core::{EndpointError, Error, ErrorFacts, ErrorKind, Resource, TransportError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};

use crate::exception::{self, InvalidEndpoint};
use crate::names::OperationName;

/// The exception for an error of a call.
pub(crate) fn error(py: Python<'_>, error: &Error) -> PyErr {
    let mut stored = serde_json::to_value(error).unwrap_or_default();
    let operation = error.operation().cloned().map(OperationName);
    let resource = match error.resource() {
        Some(list @ (Resource::Parent(_) | Resource::Grandparent(_))) => Some(list.as_str()),
        Some(Resource::Operation(_)) | None => None,
    };
    if let ErrorKind::Misattributed { found } = error.kind() {
        stored["found"] = json!(found);
    }
    let raised = kept(py, operation, resource, &stored);
    raised.set_cause(py, python_cause(py, error));
    raised
}

/// The exception for options and an environment that give no client of a lane; its name is empty where there is one
/// for all.
pub(crate) fn connect(py: Python<'_>, lane: &str, error: ConnectError) -> PyErr {
    let mut transport = match error {
        ConnectError::Endpoint(error) => return invalid_endpoint(&error),
        ConnectError::Option(error) | ConnectError::Credentials(error) => error,
        ConnectError::NoCredentials(error) => {
            let none = "there is no access token: give token=..., or set COUNTERMAND_TOKEN";
            TransportError::new(error.kind(), format!("{none}; {}", error.cause()))
        }
    };
    if !lane.is_empty() {
        let problem = format!("lane {lane}: {}", transport.cause());
        transport = TransportError::new(transport.kind(), problem);
    }
    self::error(py, &transport.into())
}

/// The exception for an error that was kept as JSON: of an operation, or of the list of a device or an
/// enterprise.
pub(crate) fn kept(
    py: Python<'_>,
    operation: Option<OperationName>,
    resource: Option<&str>,
    error: &Value,
) -> PyErr {
    let facts = ErrorFacts::stored(error);
    let name = facts.map_or("CountermandError", |facts| facts.key.row().exception);
    let class = exception::class(py, exception::OF_CALLS, name);
    let attributes = || {
        let kwargs = PyDict::new(py);
        kwargs.set_item("operation", operation)?;
        kwargs.set_item("resource", resource)?;
        if let Some(facts) = facts {
            kwargs.set_item("key", facts.key.as_str())?;
            kwargs.set_item("failure_scope", facts.key.row().failure_scope.as_str())?;
        }
        for (key, value) in error.as_object().into_iter().flatten() {
            // A later version may have kept more than this one tells.
            if !class.hasattr(key)? {
                continue;
            }
            match value {
                Value::String(text) => kwargs.set_item(key, text)?,
                Value::Number(number) => kwargs.set_item(key, number.as_i64())?,
                Value::Bool(yes) => kwargs.set_item(key, yes)?,
                Value::Null => kwargs.set_item(key, None::<()>)?,
                Value::Array(_) | Value::Object(_) => {}
            }
        }
        Ok(kwargs)
    };
    exception::make(
        &class,
        error["message"].as_str().unwrap_or_default(),
        attributes(),
    )
}

/// The exception for a refused endpoint.
pub(crate) fn invalid_endpoint(error: &EndpointError) -> PyErr {
    InvalidEndpoint::new_err(error.to_string())
}

/// The exception that a Python callback raised, if that is at the bottom of it.
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
