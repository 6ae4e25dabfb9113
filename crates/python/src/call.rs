//! One call, to be waited for or awaited.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::inbox::Inbox;
use crate::lock::Lock;
use crate::process::{self, Task};

/// Makes a Python object of the result of a call, in a thread that has the GIL.
pub(crate) type Ready = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// Time for which a waiting thread does not look for signals.
const SLICE: Duration = Duration::from_millis(50);

/// A call that has not begun.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Call(Lock<Option<BoxFuture<'static, Ready>>>);

impl Call {
    pub(crate) fn new(work: impl Future<Output = Ready> + Send + 'static) -> Self {
        Self(Lock::new(Some(Box::pin(work))))
    }

    fn take(&self) -> PyResult<BoxFuture<'static, Ready>> {
        let mut work = self.0.lock();
        work.take()
            .ok_or_else(|| PyRuntimeError::new_err("this call was made already"))
    }
}

#[pymethods]
impl Call {
    /// Waits for the result with the GIL released. A signal handler that raises ends the call.
    pub(crate) fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut work = self.take()?;
        let engine = process::engine(py)?;
        let turn = engine.turn().ok_or_else(|| {
            PyRuntimeError::new_err("a journal cannot use a client: the scheduler waits for it")
        })?;
        loop {
            match py.detach(|| turn.drive(&mut work, SLICE)) {
                Ok(ready) => return ready(py),
                Err(_) if engine.is_closed() => return Err(process::exiting()),
                Err(_) => py.check_signals()?,
            }
        }
    }

    /// Begins; when the result is there, `done` is put into the inbox.
    fn start(&self, py: Python<'_>, inbox: &Inbox, done: Py<PyAny>) -> PyResult<Running> {
        let work = self.take()?;
        let inbox = inbox.shared();
        let result = Arc::new(Lock::new(None));
        let slot = Arc::clone(&result);
        let task = process::spawn(py, async move {
            let ready = work.await;
            *slot.lock() = Some(ready);
            inbox.put(done);
        })?;
        Ok(Running { task, result })
    }
}

/// A call that has begun.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Running {
    task: Task,
    result: Arc<Lock<Option<Ready>>>,
}

#[pymethods]
impl Running {
    /// The result, once, after the inbox had it.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let ready = self.result.take();
        ready.map_or_else(|| Err(process::exiting()), |ready| ready(py))
    }

    /// Drops the request, if there still is one.
    fn cancel(&self) {
        self.task.abort();
    }
}
