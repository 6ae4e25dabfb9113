//! The exceptions of the package, made by the names of their classes.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

pyo3::import_exception!(countermand.errors, CountermandError);
pyo3::import_exception!(countermand.errors, InvalidEndpoint);
pyo3::import_exception!(countermand.errors, InvalidName);

/// The module of the exceptions for calls.
pub(crate) const OF_CALLS: &str = "countermand.errors";

/// The module of the exceptions for jobs.
pub(crate) const OF_JOBS: &str = "countermand.job_errors";

/// The module of lanes, with their exception.
pub(crate) const OF_LANES: &str = "countermand.lanes";

/// An exception of this class, or the one that keeps it from being made.
pub(crate) fn make(
    class: &Bound<'_, PyType>,
    message: &str,
    attributes: PyResult<Bound<'_, PyDict>>,
) -> PyErr {
    attributes
        .and_then(|attributes| class.call((message,), Some(&attributes)))
        .map_or_else(|error| error, PyErr::from_value)
}

/// The class of this name; a test looks each of them up.
pub(crate) fn class<'py>(py: Python<'py>, module: &str, name: &str) -> Bound<'py, PyType> {
    let module = py.import(module);
    let class = module.and_then(|module| Ok(module.getattr(name)?.cast_into()?));
    class.unwrap_or_else(|_| py.get_type::<CountermandError>())
}
