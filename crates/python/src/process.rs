//! What a fork does to threads, and the runtime that outlives it.

use std::future::Future;
use std::process;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::AbortHandle;

use crate::errors;

/// A value that works in the process that made it and nowhere else.
///
/// A forked child has a copy of it but none of the threads behind it, and any lock inside may be
/// held by one of those. So a child must not touch it, not even to drop it: it is leaked there.
pub(crate) struct Native<T> {
    pid: u32,
    value: Option<T>,
}

impl<T> Native<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            pid: process::id(),
            value: Some(value),
        }
    }

    /// The value, in the process that made it.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.pid == process::id())
    }

    /// The value itself, in the process that made it.
    pub(crate) fn into_inner(mut self) -> Option<T> {
        if self.pid == process::id() {
            self.value.take()
        } else {
            None
        }
    }
}

impl<T> Drop for Native<T> {
    fn drop(&mut self) {
        if self.pid != process::id() {
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
static RUNTIME: Mutex<State> = Mutex::new(State {
    runtime: None,
    closed: false,
});

struct State {
    runtime: Option<Native<Runtime>>,
    closed: bool,
}

/// The runtime of this process.
pub(crate) fn runtime(_: Python<'_>) -> PyResult<Handle> {
    let mut state = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if state.closed {
        return Err(errors::exiting());
    }
    if let Some(runtime) = state.runtime.as_ref().and_then(Native::get) {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("countermand")
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    state.runtime = Some(Native::new(runtime));
    Ok(handle)
}

/// Starts work that ends early when the task is dropped.
pub(crate) fn spawn(
    py: Python<'_>,
    work: impl Future<Output = ()> + Send + 'static,
) -> PyResult<Task> {
    let task = runtime(py)?.spawn(work).abort_handle();
    Ok(Task(Native::new(task)))
}

/// Ends all work before the interpreter does: a thread that came back to Python later would crash.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    let runtime = {
        let mut state = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        state.runtime.take()
    };
    // What waits for the GIL at this moment gets it, and sees that it is to end.
    py.detach(|| {
        if let Some(mut runtime) = runtime
            && runtime.get().is_some()
            && let Some(runtime) = runtime.value.take()
        {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    });
}
