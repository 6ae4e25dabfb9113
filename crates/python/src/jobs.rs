//! Job files: made from what is to be cancelled, and looked at.

use std::path::PathBuf;

use countermand_core::{Endpoint, Error};
use countermand_fleet::report::Status;
use countermand_fleet::store::{View, exposure};
use countermand_fleet::{Plan, PlanSummary, Settings, Target, now};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyDict, PyTuple};

use crate::call::{Call, Ready};
use crate::files::{OpenFile, blocking, ready};
use crate::find::given_up;
use crate::raiser::Raiser;
use crate::report::Report;
use crate::{clock, job_errors, names, progress, rows};

/// The `countermand.rows.Facts` that says the same.
fn facts(py: Python<'_>, summary: PlanSummary) -> PyResult<Py<PyAny>> {
    let kwargs = PyDict::new(py);
    kwargs.set_item("kind", summary.settings.kind.as_str())?;
    kwargs.set_item("endpoint", &summary.settings.lane().endpoint)?;
    let lanes = summary.settings.lanes.iter().map(|lane| &*lane.name);
    let lanes = lanes.filter(|name| !name.is_empty()).collect::<Vec<_>>();
    kwargs.set_item("lanes", PyTuple::new(py, lanes)?)?;
    kwargs.set_item("created", clock::datetime(py, Some(summary.created))?)?;
    let digest = summary
        .digest
        .map(|digest| PyBytes::new(py, digest.as_bytes()));
    kwargs.set_item("digest", digest)?;
    kwargs.set_item("operations", summary.operations)?;
    kwargs.set_item("duplicates", summary.duplicates)?;
    kwargs.set_item("unverifiable", summary.unverifiable)?;
    let not_searched = PyTuple::new(py, summary.not_searched.patterns())?;
    kwargs.set_item("not_searched", not_searched)?;
    kwargs.set_item("types", summary.types.into_py_dict(py)?)?;
    let enterprises = job_errors::counts(py, &summary.enterprises)?;
    kwargs.set_item("enterprises", enterprises)?;
    let ages = summary.ages.into_iter();
    let ages = ages.map(|(age, count)| (age.as_str(), count));
    kwargs.set_item("ages", ages.into_py_dict(py)?)?;
    let class = py.import("countermand.rows")?.getattr("Facts")?;
    Ok(class.call((), Some(&kwargs))?.unbind())
}

/// The call that writes a plan and tells of it, once its source is there.
pub(crate) fn plan(
    path: PathBuf,
    settings: Settings,
    source: impl Future<Output = Result<Plan, NoPlan>> + Send + 'static,
    file: OpenFile,
) -> Call {
    Call::new(async move {
        let plan = match source.await {
            Ok(plan) => plan,
            Err(reason) => {
                let ready: Ready = Box::new(move |py| Err(reason.raise(py)));
                return ready;
            }
        };
        let made = tokio::task::spawn_blocking(move || {
            let summary = plan.write(path, &settings, now(), |job| PlanSummary::of(job));
            drop(file);
            summary
        });
        ready(made.await, facts)
    })
}

/// The reason why there is nothing to be planned.
pub(crate) enum NoPlan {
    /// The search was given up.
    GivenUp,
    /// The search was refused.
    Refused(Error, Raiser),
}

impl NoPlan {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::GivenUp => given_up(),
            Self::Refused(error, raiser) => raiser.raise(py, &error),
        }
    }
}

/// The call that opens a job file and tells of it.
#[pyfunction]
pub(crate) fn job_facts(path: PathBuf) -> PyResult<Call> {
    let file = OpenFile::new()?;
    let look = move || {
        let summary = PlanSummary::of(&*View::open(path)?)?;
        drop(file);
        Ok(summary)
    };
    Ok(blocking(look, facts))
}

/// The call for why accounts other than the owner could change a job file, in sentences.
#[pyfunction]
pub(crate) fn job_exposure(path: PathBuf) -> Call {
    blocking(
        move || Ok(exposure(&path)),
        |py, warnings| Ok(PyTuple::new(py, warnings)?.into_any().unbind()),
    )
}

/// The call for where a job stands.
#[pyfunction]
#[pyo3(signature = (path, *, check = false))]
pub(crate) fn job_status(path: PathBuf, check: bool) -> PyResult<Call> {
    let file = OpenFile::new()?;
    let look = move || {
        let mut view = match check {
            true => View::open(path)?,
            false => View::open_unchecked(path)?,
        };
        let status = Status::of(std::slice::from_mut(&mut view), now(), |_| Ok(None))?;
        drop(view);
        drop(file);
        Ok(status)
    };
    Ok(blocking(look, |py, status| {
        let json = rows::json(&status)?;
        let Status {
            activity,
            summary,
            overview,
            progress,
            ..
        } = status;
        let counts = overview.counts;
        let kwargs = PyDict::new(py);
        kwargs.set_item("kind", &summary.kind)?;
        kwargs.set_item("operations", counts.rows)?;
        kwargs.set_item("states", rows::states(py, &counts)?)?;
        kwargs.set_item("open", counts.open())?;
        kwargs.set_item("unverifiable", counts.unverifiable)?;
        let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs_f64());
        kwargs.set_item("last_cancel", seconds(counts.time_to_last_cancel(&summary)))?;
        kwargs.set_item(
            "last_verdict",
            seconds(counts.time_to_last_verdict(&summary)),
        )?;
        kwargs.set_item("runs", summary.runs.len())?;
        let notes = PyTuple::new(py, summary.notes)?;
        kwargs.set_item("notes", notes)?;
        let holder = activity
            .holder()
            .map(|holder| job_errors::holder(py, holder));
        kwargs.set_item("holder", holder.transpose()?)?;
        kwargs.set_item("activity", activity.as_str())?;
        kwargs.set_item("progress", progress::of_job(py, &progress)?)?;
        kwargs.set_item("_json", json)?;
        let class = py.import("countermand.rows")?.getattr("JobStatus")?;
        Ok(class.call((), Some(&kwargs))?.unbind())
    }))
}

/// The call for the report of a job.
#[pyfunction]
pub(crate) fn job_report(path: PathBuf) -> PyResult<Call> {
    let file = OpenFile::new()?;
    let look = move || Ok((View::open(path)?, file));
    Ok(blocking(look, |py, (view, file)| {
        Ok(Py::new(py, Report::new(view, file))?.into_any())
    }))
}

/// Items of a plan, given by a search or by the caller.
pub(crate) fn items(given: &Bound<'_, PyAny>, endpoint: &Endpoint) -> PyResult<Vec<Target>> {
    let py = given.py();
    let mut items = Vec::new();
    for (name, position) in given.try_iter()?.zip(1..) {
        let item = rows::planned(&name?, endpoint);
        items.push(item.map_err(|error| names::at_position(py, error, position))?);
        if items.len().is_multiple_of(1000) {
            py.check_signals()?;
        }
    }
    Ok(items)
}
