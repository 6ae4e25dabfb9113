//! One emulator for many hands, on the real clock or a faster one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;

use crate::config::Config;
use crate::emulator::Emulator;
use crate::reply::Reply;

/// A handle to an emulator that runs with the real clock, or with one that is [`Config::time_scale`] times as fast; clones
/// are the same emulator. In a runtime whose time is paused (`tokio::time::pause`) its clock is that of the runtime.
///
/// It is what a [`Server`](crate::Server) serves and what a test keeps, to look at the truth and to change the script.
#[derive(Debug, Clone)]
pub struct Shared {
    emulator: Arc<Mutex<Emulator>>,
    started: Instant,
    scale: u32,
    /// The number of requests that a server of it takes on one HTTP/2 connection at a time.
    pub(crate) streams: u32,
    /// Names by which clients may call a server of it, beside those of this machine.
    pub(crate) hosts: Arc<[String]>,
}

impl Shared {
    /// Starts the emulator's clock.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            scale: config.time_scale,
            streams: config.streams,
            hosts: config.hosts.as_slice().into(),
            emulator: Arc::new(Mutex::new(Emulator::new(config))),
            started: Instant::now(),
        }
    }

    /// The time since the start on the emulator's clock, as [`Emulator`] wants it.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.started.elapsed().saturating_mul(self.scale)
    }

    /// Decides one request, now. The times in the reply are real ones.
    #[must_use]
    pub fn handle(&self, request: &Request<Bytes>) -> Reply {
        self.with(|emulator, now| emulator.handle(now, request))
            .faster(self.scale)
    }

    /// Refuses a request whose body did not come, and notes it in the audit.
    pub(crate) fn refuse(&self, request: &Request<Bytes>, status: u16) -> Response<Bytes> {
        self.with(|emulator, now| emulator.refuse(now, request, status))
    }

    /// Calls `look` with the emulator and its time; other requests wait meanwhile.
    pub fn with<R>(&self, look: impl FnOnce(&mut Emulator, Duration) -> R) -> R {
        // A panic in a test's closure leaves the emulator as usable as it was.
        let mut emulator = self.emulator.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut emulator, self.now())
    }
}
