//! A connection of HTTP/2, which many requests share.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Answers that have come, and the server's settings before the first of them: until then the
    /// number of streams that it takes is a guess.
    answers: AtomicU64,
    number: u64,
}

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
        let streams = || {
            let connection = self.known.connection.upgrade()?;
            Some(lock(&connection).current_max_send_streams())
        };
        self.known.answers.load(Ordering::Relaxed) > 0 && self.under_way() >= streams().unwrap_or(0)
    }
}

fn lock(connection: &Mutex<Http2>) -> MutexGuard<'_, Http2> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}
