//! A search for pending operations, read as it goes on.

use std::sync::Arc;

use countermand_core::Service;
use countermand_fleet::{Findings, NotSearched, Search, SearchLane};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use tokio::sync::watch;

use crate::call::{Call, Ready};
use crate::lock::Lock;
use crate::process::{self, Native, Task};
use crate::raiser::Raiser;
use crate::rows;
use crate::selection::Selection;

/// Number of items that are given at a time.
const CHUNK: usize = 1000;

/// A search that begins when it is first read, and keeps all that it finds.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Finder {
    found: Native<Arc<Shared>>,
    /// `None` once it has begun.
    begin: Lock<Option<BoxFuture<'static, ()>>>,
    work: Lock<Option<Task>>,
    raiser: Raiser,
    selection: Selection,
    /// Names of the lanes that it searches, in their order.
    lanes: Vec<String>,
    service: &'static Service,
}

/// The items that have been found so far.
pub(crate) struct Shared {
    findings: Lock<Findings>,
    changes: watch::Receiver<()>,
}

impl Shared {
    /// Waits until there is something to see; `None` if the search was given up before.
    async fn until<T>(&self, look: impl Fn(&Findings) -> Option<T>) -> Option<T> {
        let mut changes = self.changes.clone();
        loop {
            changes.mark_unchanged();
            if let Some(found) = look(&self.findings.lock()) {
                return Some(found);
            }
            changes.changed().await.ok()?;
        }
    }

    /// All of it, once the search has ended.
    pub(crate) async fn all(&self) -> Option<Findings> {
        self.until(|findings| (!findings.costs.is_empty()).then(|| findings.clone()))
            .await
    }
}

/// The exception where the rest of a search will never be found.
pub(crate) fn given_up() -> PyErr {
    PyRuntimeError::new_err("the search was given up before its end: search again")
}

impl Finder {
    pub(crate) fn new(
        service: &'static Service,
        lanes: Vec<SearchLane>,
        raiser: Raiser,
        selection: Selection,
    ) -> Self {
        let (changed, changes) = watch::channel(());
        let shared = Arc::new(Shared {
            findings: Lock::default(),
            changes,
        });
        let found = Arc::clone(&shared);
        let filter = selection.filter.clone();
        let names = lanes.iter().map(|lane| lane.name.clone()).collect();
        let search = async move {
            let mut search = Search::of_lanes(lanes, filter);
            while let Some(event) = search.next().await {
                if found.findings.lock().take(event) {
                    changed.send_replace(());
                }
            }
            found.findings.lock().end(&mut search);
            changed.send_replace(());
        };
        Self {
            found: Native::new(shared),
            begin: Lock::new(Some(Box::pin(search))),
            work: Lock::new(None),
            raiser,
            selection,
            lanes: names,
            service,
        }
    }

    /// The service of what it finds.
    pub(crate) const fn service(&self) -> &'static Service {
        self.service
    }

    /// Names of the lanes that it searches, in their order.
    pub(crate) fn lanes(&self) -> &[String] {
        &self.lanes
    }

    /// Places that it searches, and its filter.
    pub(crate) const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Makes exceptions of its errors.
    pub(crate) fn raiser(&self) -> Raiser {
        self.raiser.clone()
    }

    /// The items that it finds; it begins now if it has not begun.
    pub(crate) fn begun(&self, py: Python<'_>) -> PyResult<Arc<Shared>> {
        let found = self.found.here()?;
        let search = self.begin.take();
        if let Some(search) = search {
            // A task of its own, so that requests go on while Python does something else.
            let task = process::spawn(py, search)?;
            *self.work.lock() = Some(task);
        }
        Ok(Arc::clone(found))
    }
}

#[pymethods]
impl Finder {
    /// The call for what was found behind the first so many: some items, or none at the end, where it
    /// raises if the search was refused.
    fn next(&self, py: Python<'_>, behind: usize) -> PyResult<Call> {
        let found = self.begun(py)?;
        let raiser = self.raiser.clone();
        Ok(Call::new(async move {
            let items = found
                .until(|findings| {
                    let new = findings.targets.get(behind..).unwrap_or_default();
                    let some = !new.is_empty() || !findings.costs.is_empty();
                    some.then(|| match (new, &findings.failure) {
                        ([], Some(error)) => Err(error.clone()),
                        (new, _) => Ok(new.iter().take(CHUNK).cloned().collect::<Vec<_>>()),
                    })
                })
                .await;
            let ready: Ready = Box::new(move |py| {
                let items = items.ok_or_else(given_up)?;
                let items = items.map_err(|error| raiser.raise(py, &error))?;
                let items = items.iter().map(|target| rows::found(py, target));
                let items = items.collect::<PyResult<Vec<_>>>()?;
                Ok(PyList::new(py, items)?.into_any().unbind())
            });
            ready
        }))
    }

    /// Gives it up: nothing more is sent, and a caller that waits for the rest is told so.
    fn close(&self) {
        // What goes with them must not find the locks taken.
        let search = self.begin.take();
        let work = self.work.take();
        drop((search, work));
    }

    /// The number of items that were found so far, and the state of the search.
    #[getter]
    fn standing(&self) -> (usize, &'static str) {
        let Some(found) = self.found.get() else {
            return (0, "in the process that was forked");
        };
        let findings = found.findings.lock();
        let state = match () {
            () if !findings.costs.is_empty() => "ended",
            () if self.begin.lock().is_some() => "not begun",
            () if self.work.lock().is_some() => "still searching",
            () => "given up",
        };
        (findings.targets.len(), state)
    }

    /// The names of the devices that vanished while they were searched, so far.
    #[getter]
    fn vanished(&self) -> PyResult<Vec<String>> {
        let found = self.found.here()?;
        let findings = found.findings.lock();
        let names = findings.vanished.iter();
        Ok(names.map(|gone| gone.device.to_string()).collect())
    }

    /// A clause about the operations that were seen and left out, once it has ended.
    #[getter]
    fn left_out(&self) -> PyResult<Option<String>> {
        let found = self.found.here()?;
        Ok(found.findings.lock().excluded.clone())
    }

    /// The number of lists that were not requested, once it has ended.
    #[getter]
    fn not_attempted(&self) -> PyResult<u64> {
        let found = self.found.here()?;
        Ok(found.findings.lock().progress.not_attempted)
    }

    /// Patterns of the operations that no list of the search has.
    #[getter]
    fn not_searched<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let others = NotSearched::of(&self.selection.parents);
        PyTuple::new(py, others.patterns())
    }

    /// The errors of the lists that could not be read to their end, so far.
    #[getter]
    fn missed<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let missed = self.found.here()?.findings.lock().missed.clone();
        let errors = missed.iter();
        let errors = errors.map(|(_, error)| self.raiser.raise(py, error).into_value(py));
        Ok(errors
            .map(|error| error.into_bound(py).into_any())
            .collect())
    }
}
