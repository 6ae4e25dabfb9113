//! Many calls, whose results come one by one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use countermand_core::OperationName;
use countermand_hyper::Client;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::call::{Call, Ready};
use crate::client::Raiser;
use crate::process::{self, Native, Task};
use crate::{errors, names, outcome};

/// Results, each of which is asked for by a call.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Results(Native<Arc<Stock>>);

/// Empty when a call was dropped half-way: its request went with it, and so did the rest.
type Stock = tokio::sync::Mutex<Option<BoxStream<'static, Ready>>>;

impl Results {
    pub(crate) fn new(results: impl Stream<Item = Ready> + Send + 'static) -> Self {
        let stock = tokio::sync::Mutex::new(Some(results.boxed()));
        Self(Native::new(Arc::new(stock)))
    }
}

#[pymethods]
impl Results {
    /// The call for the next result; it gives `None` at the end.
    fn next(&self) -> PyResult<Call> {
        let results = self.0.get().ok_or_else(forked)?;
        let results = Arc::clone(results);
        Ok(Call::new(async move {
            let mut stock = results.lock().await;
            let Some(mut results) = stock.take() else {
                return end();
            };
            let Some(next) = results.next().await else {
                return end();
            };
            *stock = Some(results);
            next
        }))
    }
}

/// Countermands that are under way together.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Bulk {
    /// How many names to push before taking a result.
    #[pyo3(get)]
    in_flight: usize,
    names: Native<UnboundedSender<OperationName>>,
    /// The scheduler gives each name one result, however often it is pushed.
    seen: Mutex<HashSet<OperationName>>,
    /// For results that need no call.
    done: Native<UnboundedSender<Ready>>,
    results: Results,
    work: Mutex<Option<Task>>,
}

impl Bulk {
    pub(crate) fn new(
        py: Python<'_>,
        client: &Client,
        in_flight: usize,
        raiser: Raiser,
    ) -> PyResult<Self> {
        let (names, mut pushed) = unbounded_channel();
        let (done, mut ended) = unbounded_channel::<Ready>();
        let pushed = stream::poll_fn(move |context| pushed.poll_recv(context));
        let mut outcomes = client.countermand_stream(pushed).boxed();
        let out = done.clone();
        // A task of its own, so that requests go on while Python does something else.
        let work = process::spawn(py, async move {
            while let Some((name, result)) = outcomes.next().await {
                let raiser = raiser.clone();
                let ready: Ready = Box::new(move |py| {
                    let name = names::OperationName(name).into_pyobject(py)?.into_any();
                    let result = match result {
                        Ok(outcome) => outcome::outcome(py, outcome)?,
                        Err(error) => raiser
                            .raise(py, &error)
                            .into_value(py)
                            .into_bound(py)
                            .into_any(),
                    };
                    Ok((name, result).into_pyobject(py)?.into_any().unbind())
                });
                if out.send(ready).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            in_flight,
            names: Native::new(names),
            seen: Mutex::default(),
            done: Native::new(done),
            results: Results::new(stream::poll_fn(move |context| ended.poll_recv(context))),
            work: Mutex::new(Some(work)),
        })
    }
}

#[pymethods]
impl Bulk {
    /// Adds an operation; `False` if it was added before. A text that is no name is a result at
    /// once.
    fn push(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = name.py();
        match names::operation(name) {
            // After closing, nobody takes results any more.
            Ok(name) => {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                if !seen.insert(name.clone()) {
                    return Ok(false);
                }
                drop(self.names.get().ok_or_else(forked)?.send(name));
            }
            Err(error) if error.is_instance_of::<errors::InvalidName>(py) => {
                let name = name.cast::<PyString>()?.clone().unbind();
                let ready: Ready =
                    Box::new(move |py| Ok((name, error).into_pyobject(py)?.into_any().unbind()));
                drop(self.done.get().ok_or_else(forked)?.send(ready));
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// The call for the next result, a name and what became of it.
    fn next(&self) -> PyResult<Call> {
        self.results.next()
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn end() -> Ready {
    Box::new(|py| Ok(py.None()))
}

fn forked() -> PyErr {
    PyRuntimeError::new_err("these calls belong to the process that was forked")
}
