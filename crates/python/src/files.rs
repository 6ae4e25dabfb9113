//! Job files that this process has open, and why a forked child must not open more of them.
//!
//! SQLite keeps books of the locks that a process has on its files. A forked child inherits the
//! books of its parent but not the locks, so it would believe in locks that no process holds.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use countermand_fleet::store::View;
use countermand_fleet::{JobError, JobRow};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::call::{Call, Ready};
use crate::job_errors;
use crate::lock::Lock;
use crate::process::Native;

/// The process, and how many files it has open; one number, as a fork may come in between.
static OPEN: AtomicU64 = AtomicU64::new(0);

/// Leave to open one job file. Has to be dropped after it is closed.
#[derive(Debug)]
pub(crate) struct OpenFile(());

impl OpenFile {
    /// Refused in a child whose parent had a job file open when it forked.
    pub(crate) fn new() -> PyResult<Self> {
        let me = u64::from(process::id()) << 32;
        let count = |open: u64| match open & !u64::from(u32::MAX) == me {
            true => Some(open + 1),
            // What the parent had closed has left nothing in the books.
            false if open as u32 == 0 => Some(me + 1),
            false => None,
        };
        match OPEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, count) {
            Ok(_) => Ok(Self(())),
            Err(_) => Err(PyRuntimeError::new_err(
                "this process was forked from one that had a job file open, and cannot open any: \
                 start it with the method spawn, or fork before",
            )),
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let mine = |open: u64| {
            let pid = (open >> 32) as u32;
            (pid == process::id()).then(|| open - 1)
        };
        // In a forked child it is the parent's, and stays in its books.
        let _ = OPEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, mine);
    }
}

/// A job file as it was at one moment, which several may read.
pub(crate) struct Snapshot(Native<Lock<Opened>>);

struct Opened {
    // Before the leave to have it open.
    view: View,
    _file: OpenFile,
}

impl Snapshot {
    pub(crate) fn new(view: View, file: OpenFile) -> Self {
        Self(Native::new(Lock::new(Opened { view, _file: file })))
    }

    /// Reads it; no Python code may run meanwhile. `None` in a forked child.
    pub(crate) fn view<T>(&self, read: impl FnOnce(&View) -> T) -> Option<T> {
        let opened = self.0.get()?;
        Some(read(&opened.lock().view))
    }

    /// The next rows behind this position; `None` in a forked child.
    pub(crate) fn rows(&self, after: u64, count: usize) -> Option<Result<Vec<JobRow>, JobError>> {
        self.view(|view| view.rows_after(after).take(count).collect())
    }
}

/// The call for what disk and processor have to do, on a thread that may wait for them.
pub(crate) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
    make: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> Call {
    Call::new(async move { ready(tokio::task::spawn_blocking(work).await, make) })
}

/// Makes an object or an exception of what was done.
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
