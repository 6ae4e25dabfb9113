//! Events of a scheduler as Python objects.

use countermand_core::Resource;
use countermand_scheduler::Event;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::names::OperationName;
use crate::{clock, errors, outcome};

/// The dataclass of `countermand.sansio` for an event; `None` for one that Python has no word for.
pub(crate) fn event(py: Python<'_>, event: Event) -> PyResult<Option<Bound<'_, PyAny>>> {
    match event {
        Event::Sending {
            resource: Resource::Operation(name),
            call,
        } => {
            let fields = (OperationName(name), call.as_str());
            make(py, "Sending", fields.into_pyobject(py)?)
        }
        Event::Sent {
            resource: Resource::Operation(name),
            call,
            at,
        } => {
            let fields = (OperationName(name), call.as_str(), clock::reading(at));
            make(py, "Sent", fields.into_pyobject(py)?)
        }
        Event::NotSent {
            resource: Resource::Operation(name),
            call,
            cause,
            ..
        } => {
            let fields = (OperationName(name), call.as_str(), &*cause);
            make(py, "NotSent", fields.into_pyobject(py)?)
        }
        Event::Accepted { name } => make(py, "Accepted", (OperationName(name),).into_pyobject(py)?),
        Event::Finished { name, result } => {
            let result = match result {
                Ok(outcome) => outcome::outcome(py, outcome)?,
                Err(error) => errors::error(py, &error)
                    .into_value(py)
                    .into_bound(py)
                    .into_any(),
            };
            make(
                py,
                "Finished",
                (OperationName(name), result).into_pyobject(py)?,
            )
        }
        Event::Held { until, limit, .. } => make(
            py,
            "Held",
            (clock::reading(until), limit).into_pyobject(py)?,
        ),
        Event::Failing { kind, cause } => make(py, "Failing", (kind, &*cause).into_pyobject(py)?),
        Event::CircuitOpened { .. } => make(py, "CircuitOpened", PyTuple::empty(py)),
        Event::CircuitClosed => make(py, "CircuitClosed", PyTuple::empty(py)),
        Event::EnterpriseClosed { enterprise } => make(
            py,
            "EnterpriseClosed",
            (enterprise.as_str(),).into_pyobject(py)?,
        ),
        Event::Stopped { cause } => make(py, "Stopped", (cause.text(),).into_pyobject(py)?),
        _ => Ok(None),
    }
}

fn make<'py>(
    py: Python<'py>,
    class: &str,
    fields: Bound<'py, PyTuple>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let events = py.import("countermand.events")?;
    events.getattr(class)?.call1(fields).map(Some)
}
