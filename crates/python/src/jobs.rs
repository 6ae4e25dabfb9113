//! Job files: made from what is to be cancelled, and looked at.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countermand_core::{Endpoint, Error};
use countermand_fleet::Counts;
use countermand_fleet::report::Summary;
use countermand_fleet::store::{Activity, Contents, Kind, Missed, Record, View, exposure};
use countermand_fleet::{
    Estimate, FoundOperation, JobError, Options, Plan, PlanSummary, Progress, Settings, now,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyDict, PyTuple};

use crate::arguments::InFlight;
use crate::call::{Call, Ready};
use crate::client::Raiser;
use crate::files::OpenFile;
use crate::find::{Findings, given_up};
use crate::report::Report;
use crate::{clock, job_errors, progress, rows};

/// The call for what disk and processor have to do, on a thread where that holds up nobody.
pub(crate) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
    make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> Call {
    Call::new(async move { ready(tokio::task::spawn_blocking(work).await, make) })
}

/// What to make of it.
pub(crate) fn ready<T: Send + 'static>(
    done: Result<Result<T, JobError>, tokio::task::JoinError>,
    make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> Ready {
    Box::new(move |py| match done {
        Ok(Ok(value)) => make(py, value),
        Ok(Err(error)) => Err(job_errors::error(py, &error)),
        Err(error) => Err(PyRuntimeError::new_err(error.to_string())),
    })
}

/// What is told of a job that was planned or opened.
pub(crate) struct Facts {
    settings: Settings,
    created: countermand_core::Timestamp,
    digest: Option<[u8; 32]>,
    operations: u64,
    duplicates: u64,
    outline: PlanSummary,
}

impl Facts {
    fn of(job: &Contents) -> Result<Self, JobError> {
        Ok(Self {
            settings: job.settings().clone(),
            created: job.created(),
            digest: job.digest().map(|digest| *digest.as_bytes()),
            operations: job.operations(),
            duplicates: job.duplicates(),
            outline: PlanSummary::of(job)?,
        })
    }

    /// The `countermand.rows.Facts` that says the same.
    fn tell(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let kwargs = PyDict::new(py);
        kwargs.set_item("kind", kind(&self.settings))?;
        kwargs.set_item("endpoint", &self.settings.endpoint)?;
        kwargs.set_item("created", clock::datetime(py, self.created)?)?;
        let digest = self.digest.map(|digest| PyBytes::new(py, &digest));
        kwargs.set_item("digest", digest)?;
        kwargs.set_item("operations", self.operations)?;
        kwargs.set_item("duplicates", self.duplicates)?;
        kwargs.set_item("types", self.outline.types.into_py_dict(py)?)?;
        let enterprises = job_errors::counts(py, &self.outline.enterprises)?;
        kwargs.set_item("enterprises", enterprises)?;
        let ages = self.outline.ages.into_iter();
        let ages = ages
            .map(|(age, count)| (age.as_str(), count))
            .into_py_dict(py)?;
        kwargs.set_item("ages", ages)?;
        let class = py.import("countermand.rows")?.getattr("Facts")?;
        Ok(class.call((), Some(&kwargs))?.unbind())
    }
}

fn kind(settings: &Settings) -> &'static str {
    match settings.kind {
        Kind::Plan => "plan",
        Kind::Rescue => "rescue",
    }
}

/// What goes into a plan.
pub(crate) enum Source {
    /// What the caller has.
    Items(Vec<FoundOperation>),
    /// What a search has found.
    Found(Findings),
}

/// The reason why there is nothing to be planned.
pub(crate) enum NoPlan {
    /// The search was given up.
    GivenUp,
    /// The search was refused.
    Refused(Arc<Error>, Raiser),
}

impl NoPlan {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::GivenUp => given_up(),
            Self::Refused(error, raiser) => raiser.raise(py, &error),
        }
    }
}

impl Source {
    /// Keeps only what is meant.
    pub(crate) fn retain(&mut self, meant: impl FnMut(&FoundOperation) -> bool) {
        match self {
            Self::Items(items) => items.retain(meant),
            Self::Found(found) => found.items.retain(meant),
        }
    }
}

/// Writes a plan, on a thread that may wait for the disk.
fn write(
    path: &Path,
    settings: &Settings,
    source: Source,
    by_harm: bool,
) -> Result<Facts, JobError> {
    let (known, items) = match source {
        Source::Items(items) => (Vec::new(), items),
        Source::Found(found) => (of_search(&found), found.items),
    };
    let plan = Plan {
        items,
        known,
        by_harm,
    };
    plan.write(path, settings, now(), |job| Facts::of(job))
}

/// What the job has to know of the search before it: what it has spent, and what it has missed.
fn of_search(found: &Findings) -> Vec<Record> {
    let sent = found.cost.clone().records().into_iter();
    let missed = found.missed.iter().filter_map(|error| {
        let resource = error.resource()?;
        Some(Record::Missed(Missed::new(found.cost.at, resource, error)))
    });
    let vanished = found.vanished.iter().cloned().map(Record::Vanished);
    let note = found.progress.note_of_not_attempted(found.cost.at);
    sent.chain(missed).chain(vanished).chain(note).collect()
}

/// The call that makes a plan and tells of it.
pub(crate) fn plan(
    path: PathBuf,
    settings: Settings,
    source: impl Future<Output = Result<Source, NoPlan>> + Send + 'static,
    by_harm: bool,
    file: OpenFile,
) -> Call {
    Call::new(async move {
        let source = match source.await {
            Ok(source) => source,
            Err(reason) => {
                let ready: Ready = Box::new(move |py| Err(reason.raise(py)));
                return ready;
            }
        };
        let made = tokio::task::spawn_blocking(move || {
            let facts = write(&path, &settings, source, by_harm);
            drop(file);
            facts
        });
        ready(made.await, |py, facts| facts.tell(py))
    })
}

/// The call that opens a job file and tells of it.
#[pyfunction]
pub(crate) fn job_facts(path: PathBuf) -> PyResult<Call> {
    let file = OpenFile::new()?;
    let look = move || {
        let facts = Facts::of(&*View::open(path)?)?;
        drop(file);
        Ok(facts)
    };
    Ok(blocking(look, |py, facts| facts.tell(py)))
}

/// The call for why accounts other than the owner could change a job file, in sentences.
#[pyfunction]
pub(crate) fn job_exposure(path: PathBuf) -> Call {
    blocking(
        move || Ok(exposure(&path)),
        |py, warnings| Ok(PyTuple::new(py, warnings)?.into_any().unbind()),
    )
}

/// The progress of a job.
struct Stands {
    kind: &'static str,
    counts: Counts,
    summary: Summary,
    progress: Progress,
    accepted: u64,
    activity: Activity,
}

/// The call for where a job stands.
#[pyfunction]
pub(crate) fn job_status(path: PathBuf) -> PyResult<Call> {
    let file = OpenFile::new()?;
    let look = move || {
        let mut view = View::open(path)?;
        let activity = view.activity()?;
        let mut counts = Counts::default();
        for row in view.rows() {
            counts.add(&row?);
        }
        let summary = Summary::of_job(&view, now(), None)?;
        let stands = Stands {
            kind: kind(view.settings()),
            progress: Progress::of_job(&view, now())?,
            accepted: view.counts()?.accepted,
            activity,
            counts,
            summary,
        };
        drop(view);
        drop(file);
        Ok(stands)
    };
    Ok(blocking(look, |py, stands| {
        let Stands {
            kind,
            counts,
            summary,
            progress,
            accepted,
            activity,
        } = stands;
        let kwargs = PyDict::new(py);
        kwargs.set_item("kind", kind)?;
        kwargs.set_item("operations", counts.rows)?;
        kwargs.set_item("states", states(py, &counts)?)?;
        kwargs.set_item("open", counts.open())?;
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
        kwargs.set_item("progress", progress::of_job(py, &progress, accepted)?)?;
        let class = py.import("countermand.rows")?.getattr("JobStatus")?;
        Ok(class.call((), Some(&kwargs))?.unbind())
    }))
}

/// How many rows are in which state, the worst news first.
pub(crate) fn states<'py>(py: Python<'py>, counts: &Counts) -> PyResult<Bound<'py, PyDict>> {
    let states = counts.states.iter();
    states
        .map(|(state, count)| (state.as_str(), count))
        .into_py_dict(py)
}

/// The call for how long a job will take.
#[pyfunction]
pub(crate) fn job_estimate(path: PathBuf, in_flight: InFlight) -> PyResult<Call> {
    let file = OpenFile::new()?;
    let look = move || {
        let options = Options {
            in_flight: in_flight.0,
            ..Options::default()
        };
        let estimate = Estimate::of(&*View::open(path)?, options)?;
        drop(file);
        Ok(estimate)
    };
    Ok(blocking(look, |py, estimate| {
        let times = (
            estimate.last_cancel.as_secs_f64(),
            estimate.last_verdict.as_secs_f64(),
        );
        let class = py.import("countermand.rows")?.getattr("Estimate")?;
        Ok(class.call1(times)?.unbind())
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

/// What a search, or the caller, has given to a plan, item by item.
pub(crate) fn items(
    names: &Bound<'_, PyAny>,
    endpoint: &Endpoint,
) -> PyResult<Vec<FoundOperation>> {
    let mut items = Vec::new();
    for name in names.try_iter()? {
        items.push(rows::planned(&name?, endpoint)?);
        if items.len().is_multiple_of(1000) {
            names.py().check_signals()?;
        }
    }
    Ok(items)
}
