//! Lists, page by page, driven from Python.

use std::sync::Arc;

use core::{Error, Policy, Response};
use countermand_core as core;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::arguments::{Attempts, Seed};
use crate::clock::{Length, Reading};
use crate::lock::Lock;
use crate::outcome::Operation;
use crate::sansio::{self, Finish};
use crate::services::Chosen;
use crate::{clock, errors, names, policy, services, wire};

/// Turns the pages of a list, to the last one.
#[pyclass(module = "countermand.sansio", frozen, generic)]
pub(crate) struct Pages {
    state: Arc<Lock<State>>,
    endpoint: Arc<core::Endpoint>,
    policy: Arc<Policy>,
}

struct State {
    pages: core::Pages,
    /// Errors of entries that could not be read.
    missed: Vec<Error>,
}

impl State {
    /// Goes on after a page.
    fn turn(&mut self, page: &Response) -> Result<(), Error> {
        let unreadable = match page {
            Response::Operations(page) => self.pages.turn(page).map(|()| &page.unreadable)?,
            Response::Parents(page) => self.pages.turn(page).map(|()| &page.unreadable)?,
            // A list is answered with a page.
            _ => return Ok(()),
        };
        self.missed.extend(unreadable.clone());
        Ok(())
    }
}

#[pymethods]
impl Pages {
    #[new]
    #[pyo3(signature = (of, parent, *, service=None, endpoint=None, deadline=None, attempt_timeout=None,
        max_attempts=None, backoff=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        of: &str,
        parent: &Bound<'_, PyAny>,
        service: Option<Chosen>,
        endpoint: Option<&str>,
        deadline: Option<Length>,
        attempt_timeout: Option<Length>,
        max_attempts: Option<Attempts>,
        backoff: Option<(Length, Length)>,
    ) -> PyResult<Self> {
        let chosen = service.map(|Chosen(service)| service);
        let pages = match of {
            "operations" => {
                let name: core::ParentName = names::text(parent, chosen)?;
                names::check_method(parent.py(), &name, core::Call::ListOperations)?;
                core::Pages::operations(name, None)
            }
            "devices" => {
                services::default_alone(services::or_default(service), "lists of devices")?;
                core::Pages::parents(names::text(parent, Some(core::Service::DEFAULT))?)
            }
            _ => {
                return Err(PyValueError::new_err(format!(
                    "{of:?} is no list; expected operations or devices"
                )));
            }
        };
        let policy = policy::policy(
            Policy::default(),
            deadline,
            attempt_timeout,
            max_attempts,
            backoff,
        )?;
        let listed = pages.resource().service();
        let missed = Vec::new();
        Ok(Self {
            state: Arc::new(Lock::new(State { pages, missed })),
            endpoint: wire::endpoint(endpoint, listed)?.into(),
            policy: policy.into(),
        })
    }

    /// True if the last page was read, or the list does not end.
    #[getter]
    fn done(&self) -> bool {
        self.state.lock().pages.is_at_end()
    }

    /// Errors of the entries that could not be read, so far.
    #[getter]
    fn missed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let missed = self.state.lock().missed.clone();
        let errors = missed.iter().map(|error| errors::error(py, error));
        PyList::new(
            py,
            errors.map(|error| error.into_value(py)).collect::<Vec<_>>(),
        )
    }

    /// Begins the call for the next page: the first step.
    fn start<'py>(&self, py: Python<'py>, now: Reading, seed: Seed) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::time(now)?;
        let fetch = self.state.lock().pages.next_fetch();
        let fetch = fetch.ok_or_else(|| PyRuntimeError::new_err("the list has ended"))?;
        let fetch = fetch
            .endpoint(Arc::clone(&self.endpoint))
            .policy(Arc::clone(&self.policy));
        let state = Arc::clone(&self.state);
        let finish: Finish<Response> = Arc::new(move |py, page| {
            let turned = page.and_then(|page| state.lock().turn(&page).map(|()| page));
            let page = turned.map_err(|error| errors::error(py, &error))?;
            entries(py, page)
        });
        sansio::step(py, fetch.start(now, seed.0), finish)
    }
}

/// The entries of a page.
fn entries(py: Python<'_>, page: Response) -> PyResult<Py<PyAny>> {
    let parents = match page {
        Response::Operations(page) => {
            let operations = page.entries.into_iter().map(Operation);
            return operations.collect::<Vec<_>>().into_py_any(py);
        }
        Response::Parents(page) => page.entries,
        // A list is answered with a page.
        _ => Vec::new(),
    };
    let class = py.import("countermand.sansio")?.getattr("Device")?;
    let parents = parents.iter().map(|parent| {
        let seen = clock::datetime(py, parent.active_time)?;
        class.call1((parent.name.as_str(), seen))
    });
    parents.collect::<PyResult<Vec<_>>>()?.into_py_any(py)
}
