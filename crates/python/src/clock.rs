//! Python's time, seconds as `float` and dates as `datetime`, and Rust's.

use std::time::Duration;

use countermand_core::{Time, Timestamp};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyString, PyTzInfo};

use crate::arguments;

/// More seconds than any caller waits.
const LONGEST: f64 = 1e11;

/// More than any clock that counts seconds shows, and little enough for a [`Time`] to go on from there.
const LATEST: f64 = 9e9;

/// A length of time as it was given: seconds, a `timedelta`, or a text such as `2h`.
pub(crate) enum Length {
    Seconds(f64),
    Text(String),
    /// Something of another type, which only the name of the argument makes an error.
    Mistyped(String),
}

impl From<f64> for Length {
    fn from(seconds: f64) -> Self {
        Self::Seconds(seconds)
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Length {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = given.cast::<PyString>() {
            return Ok(Self::Text(text.extract()?));
        }
        // Its C type is not in the stable ABI.
        let seconds = match given.hasattr("total_seconds")? {
            true => arguments::number(&given.call_method0("total_seconds")?)?,
            false => arguments::number(&given)?,
        };
        match seconds {
            Some(seconds) => Ok(Self::Seconds(seconds)),
            None => Ok(Self::Mistyped(given.get_type().name()?.to_string())),
        }
    }
}

/// A length of time, which is not negative.
pub(crate) fn seconds(what: &str, length: impl Into<Length>) -> PyResult<Duration> {
    match length.into() {
        Length::Seconds(seconds) => within(what, seconds, LONGEST),
        Length::Text(text) => countermand_fleet::parse_length(&text)
            .map_err(|problem| PyValueError::new_err(format!("{what} is {text:?}: {problem}"))),
        Length::Mistyped(found) => Err(PyTypeError::new_err(format!(
            "{what} is of type {found}, expected seconds, a timedelta, or a text such as 2h"
        ))),
    }
}

/// The time that a clock's reading stands for.
pub(crate) fn time(Reading(now): Reading) -> PyResult<Time> {
    within("now", now, LATEST).map(Time::after)
}

/// The reading of the caller's clock.
#[derive(Clone, Copy)]
pub(crate) struct Reading(pub(crate) f64);

impl<'a, 'py> FromPyObject<'a, 'py> for Reading {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let now = arguments::number(&given)?;
        now.map(Self)
            .ok_or_else(|| arguments::mistyped("now", &given, "seconds"))
    }
}

fn within(what: &str, seconds: f64, most: f64) -> PyResult<Duration> {
    if !(0.0..=most).contains(&seconds) {
        return Err(PyValueError::new_err(format!(
            "{what} is {}, expected seconds from 0 to {most:e}",
            arguments::shown(seconds)
        )));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// The first reading at which the time is not in the future.
pub(crate) fn reading(time: Time) -> f64 {
    let time = time.since_start();
    let reading = time.as_secs_f64();
    // Rounded down, a caller with a clock of its own would resume too early, for ever.
    if Duration::from_secs_f64(reading) < time {
        reading.next_up()
    } else {
        reading
    }
}

/// A time of the calendar, in UTC; a year that Python's calendar does not have is as good as none.
pub(crate) fn datetime(
    py: Python<'_>,
    time: Option<Timestamp>,
) -> PyResult<Option<Bound<'_, PyDateTime>>> {
    let Some(time) = time else {
        return Ok(None);
    };
    let utc = PyTzInfo::utc(py)?;
    let seconds = time.unix_millis() as f64 / 1000.0;
    Ok(PyDateTime::from_timestamp(py, seconds, Some(&utc)).ok())
}

/// The time of a `datetime` that knows its zone.
pub(crate) fn timestamp(time: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    if time.call_method0("utcoffset")?.is_none() {
        return Err(PyValueError::new_err(format!(
            "{} has no time zone",
            time.repr()?
        )));
    }
    let seconds: f64 = time.call_method0("timestamp")?.extract()?;
    Ok(Timestamp::from_unix_millis(
        (seconds * 1000.0).round() as i64
    ))
}
