//! Results that come one by one, each of which is asked for by a call.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::call::{Call, Ready};
use crate::lock::Lock;
use crate::process::{self, Native};

/// Time for which a caller who leaves waits until the work has ended.
const ENDING: Duration = Duration::from_millis(200);

/// Results, and the work that they come from.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Stream {
    results: Native<Arc<Results>>,
    /// `None` where results are made only while one is asked for.
    work: Lock<Option<Native<Work>>>,
}

/// Empty when a call was dropped half-way: its request went with it, and so did the rest.
type Results = tokio::sync::Mutex<Option<BoxStream<'static, Ready>>>;

/// The way of results out of their work.
pub(crate) type Out = UnboundedSender<Ready>;

/// Comes when the work is to end early.
pub(crate) type Stopped = oneshot::Receiver<()>;

/// Work that goes on by itself.
struct Work {
    /// It is asked to end when this is dropped.
    asked: oneshot::Sender<()>,
    /// Fails once it has ended.
    ended: Receiver<()>,
}

impl Stream {
    pub(crate) fn new(results: impl stream::Stream<Item = Ready> + Send + 'static) -> Self {
        Self {
            results: Native::new(Arc::new(tokio::sync::Mutex::new(Some(results.boxed())))),
            work: Lock::default(),
        }
    }

    /// The results of work that begins now and goes on while Python does something else.
    pub(crate) fn of_work<W>(py: Python<'_>, work: impl FnOnce(Out, Stopped) -> W) -> PyResult<Self>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (out, mut ready) = unbounded_channel::<Ready>();
        let (asked, stopped) = oneshot::channel();
        let (ending, ended) = sync_channel::<()>(0);
        let work = work(out, stopped);
        process::engine(py)?.spawn(async move {
            work.await;
            drop(ending);
        });
        Ok(Self {
            work: Lock::new(Some(Native::new(Work { asked, ended }))),
            ..Self::new(stream::poll_fn(move |context| ready.poll_recv(context)))
        })
    }
}

#[pymethods]
impl Stream {
    /// The next result if it is there already: without a call, and without a runtime.
    fn ready(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let next = match self.results.here()?.try_lock().as_deref_mut() {
            Ok(Some(results)) => results.next().now_or_never().flatten(),
            // A call waits for one, or there will be none.
            Ok(None) | Err(_) => None,
        };
        next.map(|ready| ready(py)).transpose()
    }

    /// The call for the next result; it gives `None` at the end.
    fn next(&self) -> PyResult<Call> {
        let results = Arc::clone(self.results.here()?);
        Ok(Call::new(async move {
            let mut results = results.lock().await;
            let next = match results.take() {
                Some(mut stream) => stream.next().await.inspect(|_| *results = Some(stream)),
                None => None,
            };
            next.unwrap_or_else(|| Box::new(|py| Ok(py.None())))
        }))
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    /// Ends the work: nothing more is sent, and nothing is called or written afterwards, unless a
    /// disk or a callback takes its time.
    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) {
        if let Some(Work { asked, ended }) = self.work.take().and_then(Native::into_inner) {
            drop(asked);
            let _ = py.detach(move || ended.recv_timeout(ENDING));
        }
    }
}
