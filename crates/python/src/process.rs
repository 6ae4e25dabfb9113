//! The runtime of each process, and threads after a fork.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::AbortHandle;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::engine::Engine;
use crate::lock::Lock;

/// Forks between the process that imported this module and this one; the number of the
/// process would tell the same, but asking for that is a system call.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Tells that this is a child now, before the code that forked goes on in it.
#[pyfunction]
pub(crate) fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// The exception for what was made before this child was forked.
pub(crate) fn elsewhere() -> PyErr {
    PyRuntimeError::new_err("these calls belong to the process that was forked")
}

/// True for the first interpreter of the process, which has the number 0.
pub(crate) fn is_main_interpreter(_: Python<'_>) -> bool {
    // SAFETY: this thread is attached to an interpreter, which lives as long as that.
    #[expect(unsafe_code, reason = "Python's own API has no other way")]
    let number =
        unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) };
    number == 0
}

/// A value that works in the process that made it and nowhere else.
///
/// A forked child has a copy of it but none of the threads behind it, and any lock inside may be
/// held by one of those. So a child must not touch it, not even to drop it: it is leaked there.
pub(crate) struct Native<T> {
    forks: u32,
    value: Option<T>,
}

impl<T> Native<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            forks: forks(),
            value: Some(value),
        }
    }

    /// The value, in the process that made it.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.forks == forks())
    }

    /// The value, or the exception for another process.
    pub(crate) fn here(&self) -> PyResult<&T> {
        self.get().ok_or_else(elsewhere)
    }

    /// The value itself, in the process that made it.
    pub(crate) fn into_inner(mut self) -> Option<T> {
        if self.forks == forks() {
            self.value.take()
        } else {
            None
        }
    }
}

impl<T> Drop for Native<T> {
    fn drop(&mut self) {
        if self.forks != forks() {
            std::mem::forget(self.value.take());
        }
    }
}

/// A task that ends when this is dropped.
pub(crate) struct Task(Native<AbortHandle>);

impl Task {
    pub(crate) fn abort(&self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.abort();
    }
}

/// The runtime, made when it is first needed.
///
/// The lock is only taken, and never kept over Python code, by threads that hold the GIL. The one
/// that forks holds it too, so the lock is free in a child.
static ENGINE: Lock<State> = Lock::new(State {
    engine: None,
    closed: false,
});

struct State {
    engine: Option<Native<Arc<Engine>>>,
    closed: bool,
}

/// The runtime of this process.
pub(crate) fn engine(_: Python<'_>) -> PyResult<Arc<Engine>> {
    let mut state = ENGINE.lock();
    if state.closed {
        return Err(exiting());
    }
    if let Some(engine) = state.engine.as_ref().and_then(Native::get) {
        return Ok(Arc::clone(engine));
    }
    let engine = Engine::start()?;
    state.engine = Some(Native::new(Arc::clone(&engine)));
    Ok(engine)
}

/// The exception at the end of the interpreter.
pub(crate) fn exiting() -> PyErr {
    PyRuntimeError::new_err("the interpreter is exiting")
}

/// Starts work that ends early when the task is dropped.
pub(crate) fn spawn(
    py: Python<'_>,
    work: impl Future<Output = ()> + Send + 'static,
) -> PyResult<Task> {
    Ok(Task(Native::new(engine(py)?.spawn(work))))
}

/// Ends all work before the interpreter does: a thread that came back to Python later would crash.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    let engine = {
        let mut state = ENGINE.lock();
        state.closed = true;
        state.engine.take()
    };
    // What waits for the GIL at this moment gets it, and sees that it is to end.
    py.detach(|| {
        if let Some(mut engine) = engine
            && engine.get().is_some()
            && let Some(engine) = engine.value.take()
        {
            engine.close();
        }
    });
}
