//! The report of a job: the file as it was at one moment.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countermand_core::{Phase, Service};
use countermand_fleet::report::{self, Form, Jobs, ReportError};
use countermand_fleet::store::View;
use countermand_fleet::{Counts, RowState};
use countermand_fleet::{JobError, JobRow, Resume, now};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList, PyTuple};

use crate::call::{Call, Ready};
use crate::files::{OpenFile, Snapshot, blocking};
use crate::names::OperationName;
use crate::{arrow, errors, exception, job_errors, process, rows};

/// The outcome of each operation of a job.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Report(Arc<Snapshot>);

impl Report {
    pub(crate) fn new(view: View, file: OpenFile) -> Self {
        Self(Arc::new(Snapshot::new(view, file)))
    }

    /// The call for something that is found out of all rows.
    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<T, JobError> + Send + 'static,
        make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> Call {
        let snapshot = Arc::clone(&self.0);
        blocking(
            move || snapshot.view(read).transpose(),
            |py, read| make(py, read.ok_or_else(process::elsewhere)?),
        )
    }
}

#[pymethods]
impl Report {
    #[getter]
    fn path(&self) -> PyResult<PathBuf> {
        let path = self.0.view(|view| view.path().to_owned());
        path.ok_or_else(process::elsewhere)
    }

    fn __len__(&self) -> PyResult<usize> {
        let operations = self.0.view(|view| view.operations());
        Ok(operations.ok_or_else(process::elsewhere)? as usize)
    }

    /// The next rows behind this position.
    fn rows<'py>(&self, py: Python<'py>, after: u64, count: usize) -> PyResult<Bound<'py, PyList>> {
        let read = py.detach(|| self.0.rows(after, count));
        let read = read.ok_or_else(process::elsewhere)?;
        let read = read.map_err(|error| job_errors::error(py, &error))?;
        list(py, &read)
    }

    /// The call for how many rows are in which state.
    fn states(&self) -> Call {
        self.read(counts, |py, counts| {
            Ok(rows::states(py, &counts)?.into_any().unbind())
        })
    }

    /// The call for how many rows no run takes up, as no method shows their operations.
    fn unverifiable(&self) -> Call {
        self.read(counts, |py, counts| {
            Ok(counts.unverifiable.into_pyobject(py)?.into_any().unbind())
        })
    }

    /// The call for so many rows, the worst news first.
    fn worst(&self, most: usize) -> Call {
        self.read(
            move |view| report::worst(view.rows(), most),
            |py, rows| Ok(list(py, &rows)?.into_any().unbind()),
        )
    }

    /// The call for how many operations are not known to be cancelled or to have failed or expired,
    /// and for exceptions that say so of the first of them.
    fn failures(&self, most: usize) -> Call {
        self.read(
            move |view| {
                let (mut count, mut first) = (0_u64, Vec::new());
                for row in view.rows() {
                    let row = row?;
                    let state = RowState::of(&row);
                    if state.is_open() || matches!(state, RowState::Completed | RowState::Gone) {
                        count += 1;
                        if first.len() < most {
                            first.push(row);
                        }
                    }
                }
                Ok((count, first))
            },
            |py, (count, rows)| {
                let failures = rows.iter().map(|row| failure(py, row));
                let failures = failures.collect::<PyResult<Vec<_>>>()?;
                let told = (count, failures).into_pyobject(py)?;
                Ok(told.into_any().unbind())
            },
        )
    }

    /// The call for the errors of the lists that could not be read to their end.
    fn missed(&self) -> Call {
        self.read(
            |view| view.missed(),
            |py, missed| {
                let errors = missed.iter().map(|one| {
                    let error = errors::kept(py, None, Some(&one.resource), &one.error);
                    error.into_value(py)
                });
                let errors = PyTuple::new(py, errors.collect::<Vec<_>>())?;
                Ok(errors.into_any().unbind())
            },
        )
    }

    /// The call for the names of the devices that vanished while they were searched.
    fn vanished(&self) -> Call {
        self.read(
            |view| view.vanished(),
            |py, vanished| {
                let names = vanished.iter().map(|one| one.device.as_str());
                let names = PyTuple::new(py, names.collect::<Vec<_>>())?;
                Ok(names.into_any().unbind())
            },
        )
    }

    /// The call that writes the report.
    #[pyo3(signature = (path, kind, /))]
    fn save(&self, path: PathBuf, kind: Option<&str>) -> PyResult<Call> {
        let form = match kind {
            Some("html") => Form::Html,
            Some("csv") => Form::Csv,
            Some("ndjson") => Form::Ndjson,
            None => Form::of(&path).ok_or_else(|| {
                let ending = "the ending of the path names no format; expected .html, .csv or .ndjson, or format=...";
                PyValueError::new_err(ending)
            })?,
            Some(kind) => {
                return Err(PyValueError::new_err(format!(
                    "{kind:?} is no format; expected html, csv or ndjson"
                )));
            }
        };
        let (snapshot, named) = (Arc::clone(&self.0), path.clone());
        Ok(Call::new(async move {
            let save = move |view: &View| {
                let resume = Resume::of(view, now()).map_err(ReportError::Rows)?;
                let resume = resume.map(|resume| resume.from_anywhere().without_files(view));
                form.save(&path, &Jobs::one(view, resume))
            };
            let write = move || snapshot.view(save);
            let written = tokio::task::spawn_blocking(write).await;
            let ready: Ready = Box::new(move |py| match written {
                Ok(Some(Ok(_))) => Ok(py.None()),
                Ok(Some(Err(ReportError::Write(error)))) => Err(unwritten(py, &named, error)),
                Ok(Some(Err(ReportError::Rows(error)))) => Err(job_errors::error(py, &error)),
                Ok(Some(Err(error))) => Err(PyRuntimeError::new_err(error.to_string())),
                Ok(None) => Err(process::elsewhere()),
                Err(error) => Err(PyRuntimeError::new_err(error.to_string())),
            });
            ready
        }))
    }

    /// The rows as a stream of Arrow record batches.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol lets a producer ignore what it cannot give; the consumer casts.
        drop(requested_schema);
        arrow::stream(py, Arc::clone(&self.0))
    }
}

fn counts(view: &View) -> Result<Counts, JobError> {
    let mut counts = Counts::default();
    for row in view.rows() {
        counts.add(&row?);
    }
    Ok(counts)
}

/// The exception for a file that could not be written, with its path.
fn unwritten(py: Python<'_>, path: &Path, error: io::Error) -> PyErr {
    // Elsewhere the code is of another kind than Python's.
    let Some(code) = error.raw_os_error().filter(|_| cfg!(unix)) else {
        let text = format!("{}: {error}", path.display());
        return io::Error::new(error.kind(), text).into();
    };
    let text = py
        .import("os")
        .and_then(|os| os.call_method1("strerror", (code,)));
    match text.and_then(|text| text.extract::<String>()) {
        // Python chooses the class by the code.
        Ok(text) => PyOSError::new_err((code, text, path.as_os_str().to_owned())),
        Err(_) => error.into(),
    }
}

fn list<'py>(py: Python<'py>, rows: &[JobRow]) -> PyResult<Bound<'py, PyList>> {
    let rows = rows.iter().map(|row| rows::row(py, row));
    PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
}

/// The exception for a row that is wrong.
fn failure<'py>(py: Python<'py>, row: &JobRow) -> PyResult<Bound<'py, PyAny>> {
    let name = OperationName(row.target.name.clone());
    let resolution = row.progress.resolution.as_ref();
    let error = resolution.and_then(|resolution| resolution.error.as_ref());
    let error = error.map(|error| errors::kept(py, Some(name.clone()), None, error));
    let state = RowState::of(row);
    if let (RowState::Error, Some(error)) = (state, error.as_ref()) {
        return Ok(error.value(py).clone().into_any());
    }
    let message = format!(
        "{}: {state}: {}",
        row.target.name,
        row.meaning(),
        state = state.as_str()
    );
    let kwargs = pyo3::types::PyDict::new(py);
    kwargs.set_item("operation", name)?;
    kwargs.set_item("state", state.as_str())?;
    kwargs.set_item("attempts", row.progress.attempts)?;
    kwargs.set_item("maybe_delivered", row.progress.phase != Phase::Unsent)?;
    kwargs.set_item(
        "parent_exists",
        resolution.and_then(|resolution| resolution.parent_exists),
    )?;
    let advice = match state.is_open() && !row.is_unverifiable() {
        true => "apply the job again",
        false if *row.target.name.service() == *Service::DEFAULT => "look at the device itself",
        false => "look at what the operation was to change",
    };
    kwargs.set_item("advice", advice)?;
    let class = exception::class(py, exception::OF_JOBS, "NotCancelled");
    let raised = exception::make(&class, &message, Ok(kwargs));
    raised.set_cause(py, error);
    Ok(raised.into_value(py).into_bound(py).into_any())
}
