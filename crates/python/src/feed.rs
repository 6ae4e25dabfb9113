//! The names of a scheduler, pulled from Python as the scheduler has room for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use countermand_core::{Endpoint, OperationName};
use countermand_fleet::{Lane, LaneError, Lanes, Target};
use futures_util::stream::{self, Stream, StreamExt};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::call::Ready;
use crate::lock::Lock;
use crate::process::Native;
use crate::{exception, names, profile, rows};

/// Names that are pulled at a time, and the time limit of that: results wait meanwhile.
const CHUNK: usize = 1000;
const TURN: Duration = Duration::from_millis(5);

/// Takes pulled names.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Feed(
    /// The scheduler sees the end of the names when this is dropped; `None` after the last one. No
    /// Python code may run while this is locked.
    Lock<Option<Native<Open>>>,
);

/// A feed before the last name.
#[derive(Clone)]
struct Open {
    chunks: UnboundedSender<Vec<Target>>,
    out: UnboundedSender<Ready>,
    hungry: Arc<AtomicBool>,
    /// The endpoint that URLs of names have to be of.
    endpoint: Endpoint,
    /// The lane that the names have to be of, where it says which those are.
    lane: Option<Arc<Lane>>,
    /// Names that came so far, with those that are none.
    count: Arc<AtomicU64>,
}

impl Feed {
    /// A feed, and the stream of what it is fed. The stream says in `out` that it is empty, once
    /// until it is fed.
    pub(crate) fn new(
        out: UnboundedSender<Ready>,
        endpoint: Endpoint,
        lane: Option<Lane>,
    ) -> (Self, impl Stream<Item = Target> + Send + use<>) {
        let (chunks, mut pushed) = unbounded_channel();
        let hungry = Arc::new(AtomicBool::new(false));
        let open = Open {
            chunks,
            out: out.clone(),
            hungry: Arc::clone(&hungry),
            endpoint,
            lane: lane.map(Arc::new),
            count: Arc::default(),
        };
        let mut out = Some(out);
        let chunks = stream::poll_fn(move |context| {
            let chunk = next(&mut pushed, context, out.as_ref(), &hungry);
            if matches!(chunk, Poll::Ready(None)) {
                // Results end when no sender is left.
                out = None;
            }
            chunk
        });
        let feed = Self(Lock::new(Some(Native::new(open))));
        (feed, chunks.flat_map(stream::iter))
    }
}

#[pymethods]
impl Feed {
    /// Pulls some of the names that the scheduler is hungry for; after the last one, or a failure to
    /// come, none are taken any more. `False` if that was the last.
    fn pull(&self, names: &Bound<'_, PyIterator>) -> PyResult<bool> {
        let Some(open) = self.open()? else {
            return Ok(false);
        };
        let more = open.pull(names);
        if !matches!(more, Ok(true)) {
            self.end();
        }
        more
    }

    /// Takes a name that came by itself. The scheduler says that it is hungry only after one behind
    /// which there are not to be `more`.
    fn push(&self, name: &Bound<'_, PyAny>, more: bool) -> PyResult<()> {
        match self.open()? {
            Some(open) => open.push(name, more),
            None => Ok(()),
        }
    }

    /// After the last name.
    fn end(&self) {
        self.0.take();
    }
}

impl Feed {
    fn open(&self) -> PyResult<Option<Open>> {
        let open = self.0.lock();
        open.as_ref().map(|open| open.here().cloned()).transpose()
    }
}

impl Open {
    /// Pulls a chunk of names; `false` at their end. A value that is no name is a result at once.
    ///
    /// Names that were pulled before an iterator raises are fed all the same.
    fn pull(&self, source: &Bound<'_, PyIterator>) -> PyResult<bool> {
        let turn = Instant::now() + TURN;
        let mut chunk = Vec::new();
        let mut ended = Ok(true);
        for _ in 0..CHUNK {
            match source.clone().next().map(|item| self.take(&item?)) {
                None => ended = Ok(false),
                Some(Err(error)) => ended = Err(error),
                Some(Ok(name)) => chunk.extend(name),
            }
            if !matches!(ended, Ok(true)) || Instant::now() >= turn {
                break;
            }
        }
        // Before the names: once they are there, it may be hungry again.
        self.hungry.store(false, Ordering::Release);
        // A scheduler that is gone takes no names, and that shows in its results.
        let _ = self.chunks.send(chunk);
        ended
    }

    fn push(&self, item: &Bound<'_, PyAny>, more: bool) -> PyResult<()> {
        let name = self.take(item)?;
        if !more {
            self.hungry.store(false, Ordering::Release);
        }
        // Also without a name, so that the scheduler looks, and says that it is hungry.
        let _ = self.chunks.send(name.into_iter().collect());
        Ok(())
    }

    /// A name; one that is refused comes out with its place at once.
    fn take(&self, item: &Bound<'_, PyAny>) -> PyResult<Option<Target>> {
        let position = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let refused = match rows::planned(item, &self.endpoint) {
            Ok(target) => match self.not_of_lane(&target.name) {
                None => return Ok(Some(target)),
                Some(error) => profile::not_of_lane(item.py(), &error),
            },
            Err(error) if error.is_instance_of::<exception::InvalidName>(item.py()) => {
                names::at_position(item.py(), error, position)
            }
            Err(error) => return Err(error),
        };
        let given = item.clone().unbind();
        let ready: Ready =
            Box::new(move |py| Ok((given, refused).into_pyobject(py)?.into_any().unbind()));
        let _ = self.out.send(ready);
        Ok(None)
    }

    fn not_of_lane(&self, name: &OperationName) -> Option<LaneError> {
        let lane = std::slice::from_ref(self.lane.as_deref()?);
        Lanes::new(lane).and_then(|lanes| lanes.of(name)).err()
    }
}

fn next(
    pushed: &mut UnboundedReceiver<Vec<Target>>,
    context: &mut Context<'_>,
    out: Option<&UnboundedSender<Ready>>,
    hungry: &AtomicBool,
) -> Poll<Option<Vec<Target>>> {
    let chunk = pushed.poll_recv(context);
    // With something in it, it is this task's turn that has ended.
    if chunk.is_pending()
        && pushed.is_empty()
        && !hungry.swap(true, Ordering::AcqRel)
        && let Some(out) = out
    {
        let ready: Ready = Box::new(|py| Ok(PyString::intern(py, "hungry").into_any().unbind()));
        let _ = out.send(ready);
    }
    chunk
}
