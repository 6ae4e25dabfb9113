//! A connection of HTTP/2, which many requests share.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use countermand_core::LostConnection;
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;

use crate::frames::Watched;
use crate::request_body::Body;
use crate::tls::Stream;

/// The connection itself, which its task drives.
type Http2 = http2::Connection<Box<TokioIo<Watched<TokioIo<Stream>>>>, Body, OnHeap>;

/// Runs the future that hyper spawns for each request. It has room for a whole connection, which is
/// a variant of the same type: three kilobytes that a task would copy when it is made and when it
/// ends.
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

/// A hand on a connection; each request has one of its own while it is under way.
#[derive(Clone)]
pub(crate) struct Multiplexed {
    pub(crate) sender: http2::SendRequest<Body>,
    /// The state that all hands share. It counts them, too.
    known: Arc<Known>,
}

struct Known {
    connection: Weak<Mutex<Http2>>,
    /// Streams that the server takes at a time, when they were last asked for.
    streams: AtomicUsize,
    /// Answers that have come, and the server's settings before the first of them.
    answers: AtomicU64,
    number: u64,
}

/// Streams that a server takes at a time, as long as it has not said so: the least that RFC 9113 recommends.
pub(crate) const STREAMS: usize = 100;

/// Streams before the server's settings have come: a crowd would be refused.
pub(crate) const AT_FIRST: usize = 1;

/// The number of the next connection.
static NUMBER: AtomicU64 = AtomicU64::new(1);

impl Multiplexed {
    /// Takes over a connection; a task of its own drives it until the last hand is gone.
    pub(crate) fn new(sender: http2::SendRequest<Body>, connection: Http2) -> Self {
        // Only the connection knows how many streams there may be, so that it is shared with the
        // callers that ask; the task alone keeps it.
        let connection = Arc::new(Mutex::new(connection));
        let known = Arc::new(Known {
            connection: Arc::downgrade(&connection),
            streams: AtomicUsize::new(0),
            answers: AtomicU64::new(0),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
        });
        tokio::spawn(poll_fn(move |context| {
            Pin::new(&mut *lock(&connection)).poll(context)
        }));
        Self { sender, known }
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

    /// Requests that are under way, seen from the hand that the pool keeps.
    pub(crate) fn under_way(&self) -> usize {
        Arc::strong_count(&self.known) - 1
    }

    /// Tells whether one more request would wait for another to end.
    pub(crate) fn is_full(&self) -> bool {
        let under_way = self.under_way();
        // The connection is locked while it works, so that it is asked only where that may change the answer.
        under_way >= self.known.streams.load(Ordering::Relaxed) && under_way >= self.streams()
    }

    /// Streams that the server takes at a time.
    fn streams(&self) -> usize {
        let Some(connection) = self.known.connection.upgrade() else {
            return 0;
        };
        let streams = lock(&connection).current_max_send_streams();
        if streams == AT_FIRST && self.known.answers.load(Ordering::Relaxed) == 0 {
            return STREAMS;
        }
        self.known.streams.store(streams, Ordering::Relaxed);
        streams
    }
}

fn lock(connection: &Mutex<Http2>) -> MutexGuard<'_, Http2> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}
