//! A lock over which no Python code runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex; what a thread that panicked has left in it is as good as before.
///
/// No Python code may run while it is locked: it could give another thread the GIL. So what is dropped
/// in there must hold no Python object either.
#[derive(Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Lock<T> {
    /// The value, which leaves none.
    pub(crate) fn take(&self) -> T {
        std::mem::take(&mut *self.lock())
    }
}
