//! Events of a scheduler as Python objects.

use core::{Error, Resource, Time};
use countermand_core as core;
use countermand_scheduler::Event;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::names::OperationName;
use crate::outcome;

/// The dataclass of `countermand.sansio` for an event, with times as `read` tells them and exceptions
/// as `raise` makes them; `None` for an event that Python has no word for.
pub(crate) fn event<'py>(
    py: Python<'py>,
    event: Event,
    read: impl Fn(Time) -> f64,
    raise: impl FnOnce(Python<'py>, &Error) -> PyErr,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some((class, fields)) = parts(py, event, read, raise)? else {
        return Ok(None);
    };
    let class = py.import("countermand.events")?.getattr(class)?;
    class.call1(fields).map(Some)
}

type Parts<'py> = Option<(&'static str, Bound<'py, PyTuple>)>;

/// The class of an event, and its fields.
fn parts<'py>(
    py: Python<'py>,
    event: Event,
    read: impl Fn(Time) -> f64,
    raise: impl FnOnce(Python<'py>, &Error) -> PyErr,
) -> PyResult<Parts<'py>> {
    let parts = match event {
        Event::Sending {
            resource: Resource::Operation(name),
            call,
        } => (
            "Sending",
            (OperationName(name), call.as_str()).into_pyobject(py)?,
        ),
        Event::Sent {
            resource: Resource::Operation(name),
            call,
            at,
        } => {
            let fields = (OperationName(name), call.as_str(), read(at));
            ("Sent", fields.into_pyobject(py)?)
        }
        Event::NotSent {
            resource: Resource::Operation(name),
            call,
            phase,
            cause,
        } => {
            let fields = (OperationName(name), call.as_str(), phase.as_str(), &*cause);
            ("NotSent", fields.into_pyobject(py)?)
        }
        Event::Accepted { name } => ("Accepted", (OperationName(name),).into_pyobject(py)?),
        Event::Finished { name, result } => {
            let result = outcome::result(py, &name, result, raise)?;
            ("Finished", (OperationName(name), result).into_pyobject(py)?)
        }
        Event::Paused { until, limit, .. } => ("Paused", (read(until), limit).into_pyobject(py)?),
        Event::Failing { key, cause } => ("Failing", (key.as_str(), &*cause).into_pyobject(py)?),
        Event::CircuitOpened { .. } => ("CircuitOpened", PyTuple::empty(py)),
        Event::CircuitClosed => ("CircuitClosed", PyTuple::empty(py)),
        Event::ResourceClosed { resource } => ("ResourceClosed", (&*resource,).into_pyobject(py)?),
        Event::Stopped { cause } => ("Stopped", (cause.text(),).into_pyobject(py)?),
        _ => return Ok(None),
    };
    Ok(Some(parts))
}
