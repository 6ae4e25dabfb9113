//! Events of a scheduler as Python objects.

use core::Resource;
use countermand_core as core;
use countermand_scheduler::Event;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::names::OperationName;
use crate::{clock, errors, outcome};

/// The dataclass of `countermand.sansio` for an event; `None` for one that Python has no word for.
pub(crate) fn event(py: Python<'_>, event: Event) -> PyResult<Option<Bound<'_, PyAny>>> {
    let Some((class, fields)) = parts(py, event)? else {
        return Ok(None);
    };
    let class = py.import("countermand.events")?.getattr(class)?;
    class.call1(fields).map(Some)
}

type Parts<'py> = Option<(&'static str, Bound<'py, PyTuple>)>;

/// The class of an event, and its fields.
fn parts(py: Python<'_>, event: Event) -> PyResult<Parts<'_>> {
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
            let fields = (OperationName(name), call.as_str(), clock::reading(at));
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
            let result = outcome::result(py, result, errors::error)?;
            ("Finished", (OperationName(name), result).into_pyobject(py)?)
        }
        Event::Held { until, limit, .. } => {
            ("Held", (clock::reading(until), limit).into_pyobject(py)?)
        }
        Event::Failing { key, cause } => ("Failing", (key.as_str(), &*cause).into_pyobject(py)?),
        Event::CircuitOpened { .. } => ("CircuitOpened", PyTuple::empty(py)),
        Event::CircuitClosed => ("CircuitClosed", PyTuple::empty(py)),
        Event::ResourceClosed { resource } => ("ResourceClosed", (&*resource,).into_pyobject(py)?),
        Event::Stopped { cause } => ("Stopped", (cause.text(),).into_pyobject(py)?),
        _ => return Ok(None),
    };
    Ok(Some(parts))
}
