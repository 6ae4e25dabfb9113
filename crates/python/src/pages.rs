//! Lists, page by page, driven from Python.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use core::{DevicePage, Error, OperationPage, Page, Policy, Read};
use countermand_core as core;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::arguments::Attempts;
use crate::outcome::Operation;
use crate::sansio::{self, Finish};
use crate::{clock, errors, names, wire};

/// Turns the pages of a list, to the last one.
#[pyclass(module = "countermand.sansio", frozen, generic)]
pub(crate) struct Pages {
    state: Arc<Mutex<State>>,
    endpoint: Arc<core::Endpoint>,
    policy: Arc<Policy>,
}

struct State {
    list: List,
    /// Errors of entries that could not be read.
    missed: Vec<Error>,
}

enum List {
    Operations(core::Pages<OperationPage>),
    Devices(core::Pages<DevicePage>),
}

enum Listed {
    Operations(OperationPage),
    Devices(DevicePage),
}

impl State {
    fn next_read(&self) -> Option<Read<Listed>> {
        match &self.list {
            List::Operations(pages) => Some(pages.next_read()?.map(Listed::Operations)),
            List::Devices(pages) => Some(pages.next_read()?.map(Listed::Devices)),
        }
    }

    /// Goes on after a page.
    fn turn(&mut self, page: &Listed) -> Result<(), Error> {
        let missed = match (&mut self.list, page) {
            (List::Operations(pages), Listed::Operations(page)) => turn(pages, page)?,
            (List::Devices(pages), Listed::Devices(page)) => turn(pages, page)?,
            _ => None,
        };
        self.missed.extend(missed);
        Ok(())
    }
}

/// Goes on after a page, and gives the error of its entries that could not be read.
fn turn<P: Page>(pages: &mut core::Pages<P>, page: &P) -> Result<Option<Error>, Error> {
    pages.turn(page)?;
    let list = P::resource(pages.parent());
    Ok(page.unreadable().map(|entries| entries.error(list)))
}

#[pymethods]
impl Pages {
    #[new]
    #[pyo3(
        signature = (of, parent, *, endpoint=None, deadline=120.0, attempt_timeout=10.0,
            attempts=Attempts(5), backoff=(1.0, 32.0)),
        text_signature = "(of, parent, *, endpoint=None, deadline=120.0, attempt_timeout=10.0, \
            attempts=5, backoff=(1.0, 32.0))"
    )]
    fn new(
        of: &str,
        parent: &Bound<'_, PyAny>,
        endpoint: Option<&str>,
        deadline: f64,
        attempt_timeout: f64,
        attempts: Attempts,
        backoff: (f64, f64),
    ) -> PyResult<Self> {
        let list = match of {
            "operations" => List::Operations(core::Pages::new(names::device(parent)?)),
            "devices" => List::Devices(core::Pages::new(names::enterprise(parent)?)),
            _ => {
                return Err(PyValueError::new_err(format!(
                    "{of:?} is no list; expected operations or devices"
                )));
            }
        };
        let policy = sansio::policy(deadline, attempt_timeout, attempts, backoff)?;
        let missed = Vec::new();
        Ok(Self {
            state: Arc::new(Mutex::new(State { list, missed })),
            endpoint: wire::endpoint(endpoint)?.into(),
            policy: policy.into(),
        })
    }

    /// Whether the last page was read, or the list has no end.
    #[getter]
    fn done(&self) -> bool {
        lock(&self.state).next_read().is_none()
    }

    /// Errors of the entries that could not be read, so far.
    #[getter]
    fn missed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let missed = lock(&self.state).missed.clone();
        let errors = missed.iter().map(|error| errors::error(py, error));
        PyList::new(
            py,
            errors.map(|error| error.into_value(py)).collect::<Vec<_>>(),
        )
    }

    /// Begins the call for the next page: the first step.
    fn start<'py>(&self, py: Python<'py>, now: f64, seed: u64) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::instant(now)?;
        let read = lock(&self.state).next_read();
        let read = read.ok_or_else(|| PyRuntimeError::new_err("the list has ended"))?;
        let read = read
            .endpoint(Arc::clone(&self.endpoint))
            .policy(Arc::clone(&self.policy));
        let state = Arc::clone(&self.state);
        let finish: Finish<Listed> = Arc::new(move |py, page| {
            let turned = page.and_then(|page| lock(&state).turn(&page).map(|()| page));
            let page = turned.map_err(|error| errors::error(py, &error))?;
            entries(py, page)
        });
        sansio::step(py, read.start(now, seed), finish)
    }
}

/// No Python code may run while this is locked.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The entries of a page.
fn entries(py: Python<'_>, page: Listed) -> PyResult<Py<PyAny>> {
    let page = match page {
        Listed::Operations(page) => {
            let operations = page.operations.into_iter().map(Operation);
            return operations.collect::<Vec<_>>().into_py_any(py);
        }
        Listed::Devices(page) => page,
    };
    let class = py.import("countermand.sansio")?.getattr("Device")?;
    let devices = page.devices.iter().map(|device| {
        let seen = device.last_status_report_time;
        let seen = seen.map(|time| clock::datetime(py, time)).transpose()?;
        class.call1((device.name.as_str(), seen.flatten()))
    });
    devices.collect::<PyResult<Vec<_>>>()?.into_py_any(py)
}
