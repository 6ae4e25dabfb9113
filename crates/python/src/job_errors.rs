//! What is wrong with a job file, or with applying it, as the Python exceptions that say the same.

use std::collections::BTreeMap;

use countermand_core::{EnterpriseName, chain};
use countermand_fleet::store::{JobErrorKind, LockOwner};
use countermand_fleet::{JobError, Refusal};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyType};

use crate::clock;

mod raised {
    pyo3::import_exception!(countermand.errors, JobDamaged);
    pyo3::import_exception!(countermand.errors, JobEdited);
    pyo3::import_exception!(countermand.errors, JobError);
    pyo3::import_exception!(countermand.errors, JobExists);
    pyo3::import_exception!(countermand.errors, JobIncomplete);
    pyo3::import_exception!(countermand.errors, JobLocked);
    pyo3::import_exception!(countermand.errors, JobNotFound);
    pyo3::import_exception!(countermand.errors, JobVersion);
    pyo3::import_exception!(countermand.errors, JobUnreadable);
    pyo3::import_exception!(countermand.errors, NotAJob);
    pyo3::import_exception!(countermand.errors, NotConfirmed);
    pyo3::import_exception!(countermand.errors, OtherEndpoint);
    pyo3::import_exception!(countermand.errors, OtherPlan);
    pyo3::import_exception!(countermand.errors, PlanStale);
}

/// The exception for what happened to a job file.
pub(crate) fn error(py: Python<'_>, error: &JobError) -> PyErr {
    let attributes = || {
        let kwargs = [("path", error.path())].into_py_dict(py)?;
        match error.kind() {
            JobErrorKind::OtherVersion { version } => kwargs.set_item("version", version)?,
            JobErrorKind::Locked {
                holder: Some(other),
            } => kwargs.set_item("holder", holder(py, other)?)?,
            _ => {}
        }
        Ok(kwargs)
    };
    crate::errors::make(&class(py, error.kind()), &chain(error), attributes())
}

fn class<'py>(py: Python<'py>, kind: &JobErrorKind) -> Bound<'py, PyType> {
    match kind {
        JobErrorKind::Exists => py.get_type::<raised::JobExists>(),
        JobErrorKind::NotAJob => py.get_type::<raised::NotAJob>(),
        JobErrorKind::OtherVersion { .. } => py.get_type::<raised::JobVersion>(),
        JobErrorKind::Damaged { .. } => py.get_type::<raised::JobDamaged>(),
        JobErrorKind::Edited { .. } => py.get_type::<raised::JobEdited>(),
        JobErrorKind::Incomplete => py.get_type::<raised::JobIncomplete>(),
        JobErrorKind::OtherEndpoint { .. } => py.get_type::<raised::OtherEndpoint>(),
        JobErrorKind::Locked { .. } => py.get_type::<raised::JobLocked>(),
        JobErrorKind::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
            py.get_type::<raised::JobNotFound>()
        }
        JobErrorKind::Io(_) | JobErrorKind::Disk { .. } => py.get_type::<raised::JobUnreadable>(),
        _ => py.get_type::<raised::JobError>(),
    }
}

/// The exception for a job that is not applied.
pub(crate) fn refusal(py: Python<'_>, refusal: &Refusal) -> PyErr {
    let kwargs = PyDict::new(py);
    let class = match refusal {
        Refusal::Job(job) => return error(py, job),
        Refusal::OtherEndpoint { .. } => Ok(py.get_type::<raised::OtherEndpoint>()),
        Refusal::OtherPlan { .. } => Ok(py.get_type::<raised::OtherPlan>()),
        Refusal::Stale { age, .. } => kwargs
            .set_item("age", age.as_secs_f64())
            .map(|()| py.get_type::<raised::PlanStale>()),
        Refusal::Empty => Ok(py.get_type::<raised::NotConfirmed>()),
        Refusal::NotConfirmed { planned, .. } => counts(py, planned)
            .and_then(|counts| kwargs.set_item("planned", counts))
            .map(|()| py.get_type::<raised::NotConfirmed>()),
        _ => return PyOSError::new_err(chain(refusal)),
    };
    match class {
        Ok(class) => crate::errors::make(&class, &chain(refusal), Ok(kwargs)),
        Err(error) => error,
    }
}

/// How many operations of which enterprises.
pub(crate) fn counts<'py>(
    py: Python<'py>,
    counts: &BTreeMap<EnterpriseName, u64>,
) -> PyResult<Bound<'py, PyDict>> {
    let counts = counts
        .iter()
        .map(|(enterprise, count)| (enterprise.as_str(), count));
    counts.into_py_dict(py)
}

/// The `countermand.LockOwner` that says the same.
pub(crate) fn holder<'py>(py: Python<'py>, holder: &LockOwner) -> PyResult<Bound<'py, PyAny>> {
    let since = clock::datetime(py, holder.since)?;
    py.import("countermand.rows")?
        .getattr("LockOwner")?
        .call1((holder.pid, &holder.host, since))
}
