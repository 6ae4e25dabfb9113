//! One emulator for many hands, on the real clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;

use crate::{Config, Emulator, Reply};

/// A handle to an emulator that runs with the real clock; clones are the same emulator.
///
/// It is what a [`Server`](crate::Server) serves and what a test keeps, to look at the truth and to change the script.
#[derive(Debug, Clone)]
pub struct Shared {
    emulator: Arc<Mutex<Emulator>>,
    started: Instant,
}

impl Shared {
    /// Starts the emulator's clock.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            emulator: Arc::new(Mutex::new(Emulator::new(config))),
            started: Instant::now(),
        }
    }

    /// The time since the start, as [`Emulator`] wants it.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Decides one request, now.
    #[must_use]
    pub fn handle(&self, request: &Request<Bytes>) -> Reply {
        self.with(|emulator, now| emulator.handle(now, request))
    }

    /// Calls `look` with the emulator and its time; other requests wait meanwhile.
    pub fn with<R>(&self, look: impl FnOnce(&mut Emulator, Duration) -> R) -> R {
        // A panic in a test's closure leaves the emulator as usable as it was.
        let mut emulator = self.emulator.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut emulator, self.now())
    }
}
