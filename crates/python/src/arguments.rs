//! Arguments of Python, each refused in a sentence with its name.

use std::ops::RangeInclusive;

use countermand_core::{ListFilter, ListFilterError};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

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

/// A part of a quota, as it was given.
#[derive(Clone, Copy)]
pub(crate) struct Share(pub(crate) f64);

/// A quota, as it was given.
pub(crate) struct QuotaText(pub(crate) String);

/// A filter that the server applies to a list.
pub(crate) struct ServerSide(pub(crate) ListFilter);

impl<'a, 'py> FromPyObject<'a, 'py> for ServerSide {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let filter = text("filter", &given)?.parse();
        let refused = |error: ListFilterError| PyValueError::new_err(format!("filter: {error}"));
        filter.map(Self).map_err(refused)
    }
}

/// A seed of the jitter.
#[derive(Clone, Copy)]
pub(crate) struct Seed(pub(crate) u64);

impl<'a, 'py> FromPyObject<'a, 'py> for Share {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let share = number(&given)?;
        share.map_or_else(
            || Err(mistyped("share", &given, "a number")),
            |share| Ok(Self(share)),
        )
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for QuotaText {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        text("quota", &given).map(Self)
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Seed {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        whole("seed", &given, 0..=u64::MAX).map(Self)
    }
}

/// A number; `None` for what is of another type. `True` is 1 in Python, but no caller means that.
pub(crate) fn number(given: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    let py = given.py();
    if given.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    match given.extract::<f64>() {
        Ok(number) => Ok(Some(number)),
        Err(error) if error.is_instance_of::<PyTypeError>(py) => Ok(None),
        // A whole number that is larger than all of those.
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => match given.gt(0)? {
            true => Ok(Some(f64::INFINITY)),
            false => Ok(Some(f64::NEG_INFINITY)),
        },
        Err(error) => Err(error),
    }
}

/// A number as Python writes it, briefly.
pub(crate) fn shown(number: f64) -> String {
    match number.abs() {
        size if size.is_nan() => "nan".to_owned(),
        size if size.is_infinite() || (1e-4..1e16).contains(&size) || size == 0.0 => {
            number.to_string()
        }
        _ => format!("{number:e}"),
    }
}

/// A whole number within a range.
pub(crate) fn whole(
    what: &str,
    given: &Bound<'_, PyAny>,
    range: RangeInclusive<u64>,
) -> PyResult<u64> {
    if given.is_instance_of::<PyBool>() {
        return Err(mistyped(what, given, "a whole number"));
    }
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
