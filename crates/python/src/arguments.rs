//! Arguments of Python, each refused in a sentence with its name.

use std::ops::RangeInclusive;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Attempts of a request.
#[derive(Clone, Copy)]
pub(crate) struct Attempts(pub(crate) u32);

/// Requests in flight.
#[derive(Clone, Copy)]
pub(crate) struct InFlight(pub(crate) usize);

impl<'a, 'py> FromPyObject<'a, 'py> for Attempts {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        whole("max_attempts", &given, 1..=100).map(|attempts| Self(attempts as u32))
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for InFlight {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        whole("in_flight", &given, 1..=usize::MAX as u64).map(|requests| Self(requests as usize))
    }
}

/// A whole number within a range.
pub(crate) fn whole(
    what: &str,
    given: &Bound<'_, PyAny>,
    range: RangeInclusive<u64>,
) -> PyResult<u64> {
    match given.extract::<u64>() {
        Ok(number) if range.contains(&number) => Ok(number),
        Err(error) if error.is_instance_of::<PyTypeError>(given.py()) => {
            Err(mistyped(what, given, "a whole number"))
        }
        _ => {
            let (least, most) = range.into_inner();
            let expected = match u32::try_from(most) {
                Ok(most) => format!("from {least} to {most}"),
                Err(_) => format!("of at least {least} and below 2**64"),
            };
            // Python spells no number of more than some thousand digits.
            let number = given.repr().and_then(|text| text.extract::<String>());
            let number = number.unwrap_or_else(|_| "a long number".to_owned());
            let number: String = number.chars().take(40).collect();
            Err(PyValueError::new_err(format!(
                "{what} is {number}, expected a whole number {expected}"
            )))
        }
    }
}

/// A text.
pub(crate) fn text(what: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    match given.cast::<PyString>() {
        Ok(text) => text.extract(),
        Err(_) => Err(mistyped(what, given, "a str")),
    }
}

/// The exception for an argument of another type, which is not repeated: it may be a secret.
pub(crate) fn mistyped(what: &str, given: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    match given.get_type().name() {
        Ok(found) => {
            PyTypeError::new_err(format!("{what} is of type {found}, expected {expected}"))
        }
        Err(error) => error,
    }
}
