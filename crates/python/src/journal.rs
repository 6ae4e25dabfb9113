//! A journal that Python keeps of a scheduler.

use std::sync::Arc;

use countermand_core::Time;
use countermand_scheduler::Event;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::lock::Lock;
use crate::raiser::Raiser;
use crate::{event, process};

/// Calls a function with the events of a scheduler before its requests leave.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Inner>);

struct Inner {
    function: Py<PyAny>,
    raiser: Raiser,
    began: Time,
    raised: Lock<Option<PyErr>>,
}

impl Journal {
    pub(crate) fn new(function: Py<PyAny>, raiser: Raiser) -> Self {
        Self(Arc::new(Inner {
            function,
            raiser,
            began: countermand::hyper::monotonic_now(),
            raised: Lock::default(),
        }))
    }

    /// Hands over these events. After a failure it is not called again: the scheduler must go no
    /// further.
    pub(crate) fn commit(&self, events: &[Event]) {
        if self.0.raised.lock().is_some() {
            return;
        }
        let done = Python::try_attach(|py| self.call(py, events));
        if let Err(error) = done.unwrap_or_else(|| Err(process::exiting())) {
            *self.0.raised.lock() = Some(error);
        }
    }

    /// The exception of the last call, once.
    pub(crate) fn failure(&self) -> Option<PyErr> {
        self.0.raised.take()
    }

    fn call(&self, py: Python<'_>, events: &[Event]) -> PyResult<()> {
        let inner = &*self.0;
        let read = |at: Time| (at - inner.began).as_secs_f64();
        let raise = |py: Python<'_>, error: &_| inner.raiser.raise(py, error);
        let events = events
            .iter()
            .filter_map(|event| event::event(py, event.clone(), read, raise).transpose());
        let events = PyList::new(py, events.collect::<PyResult<Vec<_>>>()?)?;
        let returned = inner.function.call1(py, (events,))?;
        // A coroutine would have written nothing.
        match returned.bind(py).hasattr("__await__")? {
            true => Err(PyTypeError::new_err(
                "journal is a function whose result is awaited: give one that has written the \
                 events when it returns",
            )),
            false => Ok(()),
        }
    }
}
