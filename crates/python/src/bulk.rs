//! Many calls, whose results come one by one.

use std::sync::Arc;
use std::time::Duration;

use countermand::Client;
use countermand::hyper::SchedulerStream;
use countermand_core::{Endpoint, Error, OperationName, Outcome, Phase};
use countermand_scheduler::Event;
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use crate::call::{Call, Ready};
use crate::feed::Feed;
use crate::lock::Lock;
use crate::process::{self, Native, Task};
use crate::progress::{Now, PACE, Reports};
use crate::raiser::Raiser;
use crate::{names, outcome};

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

impl Results {
    /// The next result if it is there already: without a call, and without a runtime.
    fn ready(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let results = self.0.here()?;
        let next = match results.try_lock().as_deref_mut() {
            Ok(Some(results)) => results.next().now_or_never().flatten(),
            // A call waits for one, or there will be none.
            Ok(None) | Err(_) => None,
        };
        next.map(|ready| ready(py)).transpose()
    }
}

#[pymethods]
impl Results {
    /// The call for the next result; it gives `None` at the end.
    pub(crate) fn next(&self) -> PyResult<Call> {
        let results = self.0.here()?;
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

/// A scheduler that is under way.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Bulk {
    /// `None` after the last name. No Python code may run while this is locked.
    feed: Lock<Option<Native<Feed>>>,
    results: Results,
    work: Lock<Option<Task>>,
}

impl Bulk {
    /// Begins; `watched` is whether its results tell of its progress, too, and `pace` what the quota
    /// allows in a second.
    pub(crate) fn new(
        py: Python<'_>,
        client: &Client,
        endpoint: &Endpoint,
        watched: bool,
        pace: Option<f64>,
        raiser: Raiser,
    ) -> PyResult<Self> {
        let (out, mut ready) = unbounded_channel::<Ready>();
        let (feed, names) = Feed::new(out.clone(), endpoint.clone());
        let names = names.map(|name| (name, Phase::Unsent));
        let mut running = client.scheduler().run(names);
        let reports = watched.then(|| Reports::new(countermand::hyper::now(), pace));
        // Without a watcher there is nothing to wake for.
        let look_each = if watched { PACE / 2 } else { Duration::MAX };
        // A task of its own, so that requests go on while Python does something else.
        let work = process::spawn(py, async move {
            let mut look = countermand::hyper::now();
            loop {
                match timeout(look_each, running.next()).await {
                    Ok(Some(Event::Finished { name, result })) => {
                        let raiser = raiser.clone();
                        let ready: Ready = Box::new(move |py| finished(py, name, result, &raiser));
                        if out.send(ready).is_err() {
                            return;
                        }
                    }
                    Ok(Some(_)) | Err(_) => {}
                    Ok(None) => break,
                }
                let now = countermand::hyper::now();
                if let Some(reports) = &reports
                    && now >= look
                {
                    look = now + look_each;
                    if let Some(ready) = reports.due(now, standing(&running)) {
                        let _ = out.send(ready);
                    }
                }
            }
            if let Some(reports) = reports {
                let _ = out.send(reports.last(countermand::hyper::now(), standing(&running)));
            }
        })?;
        Ok(Self {
            feed: Lock::new(Some(Native::new(feed))),
            results: Results::new(stream::poll_fn(move |context| ready.poll_recv(context))),
            work: Lock::new(Some(work)),
        })
    }
}

#[pymethods]
impl Bulk {
    /// Pulls some of the names that it is hungry for; after the last one, or a failure to come,
    /// none are taken any more. `False` if that was the last.
    fn feed(&self, names: &Bound<'_, PyIterator>) -> PyResult<bool> {
        let feed = match &*self.feed.lock() {
            Some(feed) => feed.here()?.clone(),
            None => return Ok(false),
        };
        let more = feed.pull(names);
        if !matches!(more, Ok(true)) {
            self.feed.take();
        }
        more
    }

    /// The next item, as `next` gives it, if it is there already.
    fn ready(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.results.ready(py)
    }

    /// The call for what comes next: a result, which is a name and what became of it; where it
    /// stands; that it is hungry; or `None` at the end.
    fn next(&self) -> PyResult<Call> {
        self.results.next()
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.work.take();
    }
}

fn standing(running: &SchedulerStream<impl Stream<Item = (OperationName, Phase)>>) -> Now {
    let standing = running.progress();
    Now {
        standing,
        operations: standing.pushed,
        search: None,
        outage: running.outage(),
    }
}

fn finished(
    py: Python<'_>,
    name: OperationName,
    result: Result<Outcome, Error>,
    raiser: &Raiser,
) -> PyResult<Py<PyAny>> {
    let result = outcome::result(py, result, |py, error| raiser.raise(py, error))?;
    let name = names::OperationName(name);
    Ok((name, result).into_pyobject(py)?.into_any().unbind())
}

fn end() -> Ready {
    Box::new(|py| Ok(py.None()))
}
