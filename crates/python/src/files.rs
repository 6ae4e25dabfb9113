//! Job files that this process has open, and why a forked child must not open more of them.
//!
//! SQLite keeps books of the locks that a process has on its files. A forked child inherits the
//! books of its parent but not the locks, so it would believe in locks that no process holds.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// The process, and how many files it has open; one number, as a fork may come in between.
static OPEN: AtomicU64 = AtomicU64::new(0);

/// Leave to open one job file. Has to be dropped after it is closed.
#[derive(Debug)]
pub(crate) struct OpenFile(());

impl OpenFile {
    /// Refused in a child whose parent had a job file open when it forked.
    pub(crate) fn new() -> PyResult<Self> {
        let me = u64::from(process::id()) << 32;
        let count = |open: u64| match open & !u64::from(u32::MAX) == me {
            true => Some(open + 1),
            // What the parent had closed has left nothing in the books.
            false if open as u32 == 0 => Some(me + 1),
            false => None,
        };
        match OPEN.try_update(Ordering::AcqRel, Ordering::Acquire, count) {
            Ok(_) => Ok(Self(())),
            Err(_) => Err(PyRuntimeError::new_err(
                "this process was forked from one that had a job file open, and cannot open any: \
                 start it with the method spawn, or fork before",
            )),
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let mine = |open: u64| {
            let pid = (open >> 32) as u32;
            (pid == process::id()).then(|| open - 1)
        };
        // In a forked child it is the parent's, and stays in its books.
        let _ = OPEN.try_update(Ordering::AcqRel, Ordering::Acquire, mine);
    }
}
