//! The ended calls of an event loop.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::lock::Lock;

/// The calls of an event loop that have ended and that it has not heard of.
///
/// Waking an event loop takes a thread that waits for the GIL, and a system call: the first call that
/// ends does it, and those that end until the loop looks need not.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Inbox(Arc<Shared>);

pub(crate) struct Shared {
    wake: Py<PyAny>,
    ended: Lock<Vec<Py<PyAny>>>,
}

#[pymethods]
impl Inbox {
    /// `wake` is called from any thread, once for what [`take`](Self::take) gives next.
    #[new]
    fn new(wake: Py<PyAny>) -> Self {
        Self(Arc::new(Shared {
            wake,
            ended: Lock::default(),
        }))
    }

    /// The calls that have ended since this was called last.
    fn take(&self) -> Vec<Py<PyAny>> {
        let mut ended = self.0.ended.lock();
        std::mem::take(&mut ended)
    }
}

impl Inbox {
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.0)
    }
}

impl Shared {
    /// A call has ended, for which `this` stands.
    pub(crate) fn put(self: Arc<Self>, this: Py<PyAny>) {
        let first = {
            let mut ended = self.ended.lock();
            ended.push(this);
            ended.len() == 1
        };
        if first {
            // Waiting for the GIL must not hold up other calls.
            tokio::task::spawn_blocking(move || {
                Python::try_attach(|py| {
                    // An event loop that was closed meanwhile cannot be woken, and need not be.
                    let _ = self.wake.call0(py);
                })
            });
        }
    }
}
