//! A value that can be used once, because something moves on with it.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::lock::Lock;

/// A value until it is taken; no Python code may run while it is looked at.
pub(crate) struct Once<T> {
    value: Lock<Option<T>>,
    /// The message of the exception for a second use.
    used: &'static str,
}

impl<T> Once<T> {
    pub(crate) fn new(value: T, used: &'static str) -> Self {
        Self {
            value: Lock::new(Some(value)),
            used,
        }
    }

    pub(crate) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> PyResult<R> {
        let value = self.value.lock();
        value.as_ref().map(look).ok_or_else(|| self.late())
    }

    pub(crate) fn take(&self) -> PyResult<T> {
        let mut value = self.value.lock();
        value.take().ok_or_else(|| self.late())
    }

    fn late(&self) -> PyErr {
        PyRuntimeError::new_err(self.used)
    }
}
