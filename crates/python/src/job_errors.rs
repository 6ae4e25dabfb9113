//! Errors of job files, and refusals to apply one, as Python exceptions.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use countermand_core::GrandparentName;
use countermand_core::text::chain;
use countermand_fleet::store::{JobErrorKind, LockOwner};
use countermand_fleet::{JobError, Refusal};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};

use crate::{clock, exception};

/// The exception for what happened to a job file.
pub(crate) fn error(py: Python<'_>, error: &JobError) -> PyErr {
    let attributes = || {
        let kwargs = [("path", error.path())].into_py_dict(py)?;
        match error.kind() {
            JobErrorKind::OtherVersion { version } => kwargs.set_item("version", version)?,
            JobErrorKind::Locked {
                holder: Some(other),
            } => kwargs.set_item("holder", holder(py, other)?)?,
            JobErrorKind::Service { .. } => kwargs.set_item("advice", READ_FILE)?,
            JobErrorKind::OtherService { name, .. } => {
                kwargs.set_item("advice", of_service(name.service().id, ""))?;
            }
            _ => {}
        }
        Ok(kwargs)
    };
    let class = exception::class(py, exception::OF_JOBS, class(error.kind()));
    exception::make(&class, &chain(error), attributes())
}

/// The advice where a job is for a service that this process does not know by the same description.
const READ_FILE: &str = "read the file that describes the service, before the job is opened: \
    Client(service=Service.from_file(...))";

/// The advice where a client of another service is needed.
fn of_service(id: &str, endpoint: &str) -> String {
    format!("make the client for it: Client(service=\"{id}\"{endpoint})")
}

/// The exception for what is of another service than the client that is to plan it.
pub(crate) fn other_service(py: Python<'_>, path: &Path, found: &str, client: &str) -> PyErr {
    let attributes = || {
        let kwargs = [("path", path)].into_py_dict(py)?;
        kwargs.set_item("advice", of_service(found, ""))?;
        Ok(kwargs)
    };
    let class = exception::class(py, exception::OF_JOBS, "OtherEndpoint");
    let message = format!("it is of the service {found}, and the client of {client}");
    exception::make(&class, &message, attributes())
}

/// The class of a kind.
fn class(kind: &JobErrorKind) -> &'static str {
    match kind {
        JobErrorKind::Exists => "JobExists",
        JobErrorKind::NotAJob | JobErrorKind::OtherKind { .. } => "NotAJob",
        JobErrorKind::OtherVersion { .. } => "JobVersion",
        JobErrorKind::Damaged { .. } => "JobDamaged",
        JobErrorKind::Edited { .. } => "JobEdited",
        JobErrorKind::Incomplete => "JobIncomplete",
        JobErrorKind::OtherEndpoint { .. }
        | JobErrorKind::Service { .. }
        | JobErrorKind::OtherService { .. } => "OtherEndpoint",
        JobErrorKind::Locked { .. } => "JobLocked",
        JobErrorKind::Nothing { .. } => "NothingToPlan",
        JobErrorKind::SameProject(_) => "SameProject",
        JobErrorKind::Io(error) if matches!(error.kind(), ErrorKind::NotFound) => "JobNotFound",
        JobErrorKind::Io(_) | JobErrorKind::Disk { .. } => "JobUnreadable",
        _ => "JobError",
    }
}

/// The exception for a job that is not applied.
pub(crate) fn refusal(py: Python<'_>, refusal: &Refusal) -> PyErr {
    let class = match refusal {
        Refusal::Job(job) => return error(py, job),
        Refusal::OtherEndpoint { .. } | Refusal::OtherService { .. } => "OtherEndpoint",
        Refusal::OtherLane { .. } => "OtherLane",
        Refusal::OtherPlan { .. } => "OtherPlan",
        Refusal::Stale { .. } => "PlanStale",
        Refusal::Empty | Refusal::NotConfirmed { .. } => "NotConfirmed",
        _ => return PyOSError::new_err(chain(refusal)),
    };
    let attributes = || {
        let kwargs = PyDict::new(py);
        match refusal {
            Refusal::Stale { age, .. } => kwargs.set_item("age", age.as_secs_f64())?,
            Refusal::OtherService { job, .. } => {
                kwargs.set_item("advice", of_service(job, ", endpoint=job.endpoint"))?;
            }
            Refusal::OtherLane { lane, .. } => kwargs.set_item("lane", lane)?,
            Refusal::NotConfirmed { planned, .. } => {
                kwargs.set_item("planned", counts(py, planned)?)?;
            }
            _ => {}
        }
        Ok(kwargs)
    };
    let class = exception::class(py, exception::OF_JOBS, class);
    exception::make(&class, &chain(refusal), attributes())
}

/// Operations of each enterprise.
pub(crate) fn counts<'py>(
    py: Python<'py>,
    counts: &BTreeMap<GrandparentName, u64>,
) -> PyResult<Bound<'py, PyDict>> {
    let counts = counts
        .iter()
        .map(|(enterprise, count)| (enterprise.as_str(), count));
    counts.into_py_dict(py)
}

/// The `countermand.LockOwner` that says the same.
pub(crate) fn holder<'py>(py: Python<'py>, holder: &LockOwner) -> PyResult<Bound<'py, PyAny>> {
    let since = clock::datetime(py, Some(holder.since))?;
    py.import("countermand.lock_owner")?
        .getattr("LockOwner")?
        .call1((holder.pid, &holder.host, since))
}
