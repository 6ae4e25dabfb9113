//! Progress of a scheduler as Python objects.

use std::time::Duration;

use countermand_core::Time;
use countermand_fleet::{Failing, JobProgress, Meter, SearchProgress};
use countermand_scheduler::Outage;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict, PyTuple};

use crate::rows;

/// The scheduler's own figures, and those that are measured of them.
#[derive(Clone)]
pub(crate) struct Figures {
    pub(crate) standing: countermand_scheduler::Progress,
    pub(crate) measured: JobProgress,
}

/// The `countermand.Progress` that says the same, with times as `read` tells them.
pub(crate) fn progress(
    py: Python<'_>,
    figures: &Figures,
    now: f64,
    read: impl Fn(Time) -> f64,
) -> PyResult<Py<PyAny>> {
    static PROGRESS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = PROGRESS.import(py, "countermand.progress", "Progress")?;
    let Figures { standing, measured } = figures;
    let fields = [
        standing.pushed.into_bound_py_any(py)?,
        standing.duplicates.into_bound_py_any(py)?,
        standing.waiting.into_bound_py_any(py)?,
        standing.finished.into_bound_py_any(py)?,
        standing.sent.into_bound_py_any(py)?,
        standing.in_flight.into_bound_py_any(py)?,
        now.into_bound_py_any(py)?,
        standing.last_cancel.map(&read).into_bound_py_any(py)?,
        standing.allowed_at.map(&read).into_bound_py_any(py)?,
    ];
    let fields = of_measured(py, measured)?.into_iter().chain(fields);
    let fields = PyTuple::new(py, fields.collect::<Vec<_>>())?;
    Ok(class.call(fields, Some(&json(py, measured)?))?.unbind())
}

/// The `countermand.JobProgress` that says the same.
pub(crate) fn of_job<'py>(py: Python<'py>, measured: &JobProgress) -> PyResult<Bound<'py, PyAny>> {
    let fields = [
        measured.operations.into_bound_py_any(py)?,
        measured.cancels_maybe_sent.into_bound_py_any(py)?,
        measured.cancels_accepted.into_bound_py_any(py)?,
        measured.verdicts.into_bound_py_any(py)?,
    ];
    let fields = of_measured(py, measured)?.into_iter().chain(fields);
    let fields = PyTuple::new(py, fields.collect::<Vec<_>>())?;
    made(py, "JobProgress")?.call(fields, Some(&json(py, measured)?))
}

/// The field of `countermand.progress.Figures` that `to_dict` reads.
fn json<'py>(py: Python<'py>, measured: &JobProgress) -> PyResult<Bound<'py, PyDict>> {
    [("_json", rows::json(measured)?)].into_py_dict(py)
}

/// The fields of `countermand.progress.Figures`, the first of both, in their order.
fn of_measured<'py>(py: Python<'py>, measured: &JobProgress) -> PyResult<[Bound<'py, PyAny>; 10]> {
    let seconds =
        |time: Option<Duration>| time.map(|time| time.as_secs_f64()).into_bound_py_any(py);
    let search = measured.search.map(|search| of_search(py, search));
    let outage = measured.failing.as_ref().map(|failing| outage(py, failing));
    Ok([
        measured.cancels_sent.into_bound_py_any(py)?,
        measured.quota_remaining.into_bound_py_any(py)?,
        seconds(measured.quota_wait)?,
        measured.requests_per_second.into_bound_py_any(py)?,
        search.transpose()?.into_bound_py_any(py)?,
        seconds(measured.search_ends_in)?,
        seconds(measured.last_cancel_in)?,
        seconds(measured.last_verdict_in)?,
        outage.transpose()?.into_bound_py_any(py)?,
        measured.line().into_bound_py_any(py)?,
    ])
}

fn of_search<'py>(py: Python<'py>, search: SearchProgress) -> PyResult<Bound<'py, PyAny>> {
    made(py, "SearchProgress")?.call1((
        search.devices,
        search.all_listed,
        search.searched,
        search.pages,
        search.vanished,
        search.missed,
        search.not_attempted,
        search.found,
    ))
}

fn outage<'py>(py: Python<'py>, failing: &Failing) -> PyResult<Bound<'py, PyAny>> {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    made(py, "Outage")?.call1((
        failing.key,
        &*failing.cause,
        failing.lasting.as_secs_f64(),
        failing.failures,
        seconds(failing.next_try),
        seconds(failing.gives_up),
    ))
}

fn made<'py>(py: Python<'py>, class: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("countermand.progress")?.getattr(class)
}

/// The state of a scheduler at one time.
pub(crate) struct Now {
    pub(crate) standing: countermand_scheduler::Progress,
    pub(crate) counted: JobProgress,
    pub(crate) outage: Option<Outage>,
}

/// The figures of a time.
pub(crate) fn measured(meter: &mut Meter, now: Time, scheduler: Now) -> Figures {
    let Now {
        standing,
        counted,
        outage,
    } = scheduler;
    Figures {
        standing,
        measured: meter.measure(now, &standing, counted, outage),
    }
}
