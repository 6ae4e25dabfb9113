//! A connection of HTTP/2, which many requests share.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countermand_core::LostConnection;
use hyper::client::conn::{TrySendError, http2};
use hyper::rt::{Executor, Read, Sleep, Timer, Write};
use hyper_util::rt::TokioTimer;

use crate::moment::now;
use crate::request_body::Body;

/// Runs what hyper spawns for each request. Its future has room for a whole connection, which is a
/// variant of the same type: three kilobytes that a task would copy when it is made and when it ends.
#[derive(Clone)]
pub(crate) struct OnHeap;

impl<F> Executor<F> for OnHeap
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(Box::pin(future));
    }
}

/// The time for a connection's pings, which hyper asks for at each frame: it is read when the
/// connection is driven, which many frames share.
#[derive(Clone)]
pub(crate) struct Clock {
    start: Instant,
    /// Nanoseconds from then on.
    elapsed: Arc<AtomicU64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            start: now(),
            elapsed: Arc::default(),
        }
    }

    fn read(&self) {
        let elapsed = now().saturating_duration_since(self.start).as_nanos();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.elapsed.store(elapsed, Ordering::Relaxed);
    }
}

impl Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep(duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep_until(deadline)
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.elapsed.load(Ordering::Relaxed))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        TokioTimer::new().reset(sleep, deadline);
    }
}

/// A hand on a connection; each request has one of its own while it is under way.
#[derive(Clone)]
pub(crate) struct Multiplexed {
    sender: http2::SendRequest<Body>,
    /// What all hands have in common. It counts them, too.
    known: Arc<Known>,
}

struct Known {
    /// How many streams the server takes at a time, as it has said last.
    streams: Box<dyn Fn() -> usize + Send + Sync>,
    /// Answers that have come, and the server's settings before the first of them: until then
    /// `streams` is a guess.
    answers: AtomicU64,
    number: u64,
}

/// The number of the next connection.
static NUMBER: AtomicU64 = AtomicU64::new(1);

impl Multiplexed {
    /// Takes over a connection that has this clock; a task of its own drives it until the last hand
    /// is gone.
    pub(crate) fn new<S>(
        sender: http2::SendRequest<Body>,
        connection: http2::Connection<S, Body, OnHeap>,
        clock: Clock,
    ) -> Self
    where
        S: Read + Write + Unpin + Send + 'static,
    {
        // Only the connection knows how many streams there may be, so that it is shared with those
        // who ask; the task alone keeps it.
        let connection = Arc::new(Mutex::new(connection));
        let asked = Arc::downgrade(&connection);
        tokio::spawn(std::future::poll_fn(move |context| {
            clock.read();
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            Pin::new(&mut *connection).poll(context)
        }));
        Self {
            sender,
            known: Arc::new(Known {
                streams: Box::new(move || {
                    asked.upgrade().map_or(0, |connection| {
                        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                        connection.current_max_send_streams()
                    })
                }),
                answers: AtomicU64::new(0),
                number: NUMBER.fetch_add(1, Ordering::Relaxed),
            }),
        }
    }

    pub(crate) fn send(
        &mut self,
        request: http::Request<Body>,
    ) -> impl Future<
        Output = Result<http::Response<hyper::body::Incoming>, TrySendError<http::Request<Body>>>,
    > + use<> {
        self.sender.try_send_request(request)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Takes note of an answer.
    pub(crate) fn answered(&self) {
        self.known.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// The connection as one that was lost.
    pub(crate) fn lost(&self) -> LostConnection {
        LostConnection {
            number: self.known.number,
            answers: self.known.answers.load(Ordering::Relaxed),
        }
    }

    /// How many requests are under way, seen from the hand that the pool keeps.
    pub(crate) fn under_way(&self) -> usize {
        Arc::strong_count(&self.known) - 1
    }

    /// Whether one more request would wait for another to end.
    pub(crate) fn is_full(&self) -> bool {
        self.known.answers.load(Ordering::Relaxed) > 0 && self.under_way() >= (self.known.streams)()
    }
}
