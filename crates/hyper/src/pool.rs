//! Connections to one endpoint, used again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countermand_core::TransportError;
use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use hyper::client::conn::http1;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::connect::{Connection, Connector};
use crate::multiplexed::{Multiplexed, STREAMS};
use crate::request_body::Body;
use crate::runtime;
use crate::transport::BoxFuture;

/// A connection of HTTP/1.1 that was idle for longer is not used again: the server may be about to
/// close it, and a request lost that way is one in doubt.
const IDLE: Duration = Duration::from_secs(55);

/// After one more connection could not be made, none is tried for so long: there is one that works.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest that a request waits for one more connection while those that there are have all the streams they
/// take; then it waits for a stream.
const PATIENCE: Duration = Duration::from_millis(500);

/// Gives connections out and takes them back.
///
/// As long as the server may speak HTTP/2, all requests without a connection wait for the same one:
/// a hundred requests at once make one handshake, not a hundred. More connections of HTTP/2 are
/// made while those that there are have all the streams they take, as many as the requests that find it so
/// need. Those wait for them, so that requests whose answers are slow keep no other one waiting; but not for long, because
/// a stream may be free sooner.
pub(crate) struct Pool {
    connector: Connector,
    /// Connections of HTTP/2, at most.
    most: Arc<AtomicUsize>,
    state: Mutex<PoolState>,
    /// Wakes the requests that wait for one more connection.
    widened: Notify,
}

#[derive(Default)]
struct PoolState {
    http2: Vec<Multiplexed>,
    /// A part of it is with each task that makes one more of them, and with each request that waits for one.
    making: Arc<()>,
    waiting: Arc<()>,
    /// The last time that one more could not be made.
    stuck: Option<Instant>,
    /// Oldest first.
    idle: Vec<(http1::SendRequest<Body>, Instant)>,
    /// The last connection spoke HTTP/1.1.
    http1: bool,
    /// Ends when nothing waits for it any more.
    connecting: Option<WeakShared<Connecting>>,
}

/// Gives the connection if it can be shared; the other sort goes to the idle ones.
type Connecting = BoxFuture<'static, Result<Option<Multiplexed>, TransportError>>;

/// The next thing to do for a request without a connection.
enum Next<'a> {
    Take(Connection),
    /// Wait for one more connection; the request is counted for as long as it does.
    Wait(Notified<'a>, Arc<()>),
    /// Wait for the first connection.
    Join(Shared<Connecting>),
    Connect,
}

/// A connection of the pool, in use.
pub(crate) struct PooledConnection {
    pub(crate) connection: Connection,
    /// It was there before, so that it may have been closed meanwhile.
    pub(crate) reused: bool,
}

impl Pool {
    /// `most` is the largest number of connections of HTTP/2.
    pub(crate) fn new(connector: Connector, most: Arc<AtomicUsize>) -> Arc<Self> {
        let state = PoolState {
            http1: connector.is_http1(),
            ..PoolState::default()
        };
        Arc::new(Self {
            connector,
            most,
            state: Mutex::new(state),
            widened: Notify::new(),
        })
    }

    /// The maker of its connections.
    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// A connection that is there and takes one more request.
    pub(crate) fn ready(&self) -> Option<PooledConnection> {
        let (connection, full) = self.lock().take(self.most())?;
        (!full).then_some(PooledConnection {
            connection,
            reused: true,
        })
    }

    /// A connection that takes one more request, or else a new one, or else one that is full.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<PooledConnection, TransportError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let connection = match self.next(until) {
                Next::Take(connection) => {
                    return Ok(PooledConnection {
                        connection,
                        reused: true,
                    });
                }
                Next::Wait(widened, waiting) => {
                    let left = until.saturating_duration_since(Instant::now());
                    // Too late is in time: it takes one that is full.
                    let _ = runtime::timeout(left, widened)?.await;
                    drop(waiting);
                    continue;
                }
                Next::Join(connecting) => match connecting.await? {
                    Some(shared) if !shared.is_full() => Connection::Http2(shared),
                    // More have waited for it than it takes, or it is one of HTTP/1.1.
                    _ => continue,
                },
                Next::Connect => self.connect().await?,
            };
            return Ok(PooledConnection {
                connection,
                reused: false,
            });
        }
    }

    /// The next thing to do for a request, which waits until then for one more connection.
    fn next(self: &Arc<Self>, until: Instant) -> Next<'_> {
        let mut state = self.lock();
        match state.take(self.most()) {
            Some((_, true)) if Instant::now() < until && self.widen(&mut state) => {
                Next::Wait(self.widened.notified(), Arc::clone(&state.waiting))
            }
            Some((connection, _)) => Next::Take(connection),
            None if state.http1 => Next::Connect,
            None => Next::Join(self.join(&mut state)),
        }
    }

    /// Takes a connection back whose answer was read to the end.
    pub(crate) fn release(&self, connection: Connection) {
        match connection {
            Connection::Http1(sender) if sender.is_closed() => {}
            Connection::Http1(sender) => self.lock().idle.push((sender, Instant::now())),
            Connection::Http2(shared) => shared.answered(),
        }
    }

    /// A new connection; one that can be shared is kept.
    async fn connect(&self) -> Result<Connection, TransportError> {
        let connection = self.connector.connect().await?;
        let mut state = self.lock();
        match &connection {
            Connection::Http1(_) => state.http1 = true,
            Connection::Http2(shared) => state.share(shared, self.most()),
        }
        Ok(connection)
    }

    /// The connection that is being made, or a new one.
    fn join(self: &Arc<Self>, state: &mut PoolState) -> Shared<Connecting> {
        let under_way = state.connecting.as_ref().and_then(WeakShared::upgrade);
        if let Some(connecting) = under_way
            && connecting.peek().is_none()
        {
            return connecting;
        }
        let pool = Arc::clone(self);
        let connecting: Connecting = Box::pin(async move {
            match pool.connect().await? {
                Connection::Http2(shared) => Ok(Some(shared)),
                http1 @ Connection::Http1(_) => {
                    pool.release(http1);
                    Ok(None)
                }
            }
        });
        let connecting = connecting.shared();
        state.connecting = connecting.downgrade();
        connecting
    }

    /// Sees to it that one more connection of HTTP/2 is made for a request that finds the others full; `false` if none
    /// is.
    fn widen(self: &Arc<Self>, state: &mut PoolState) -> bool {
        if state.stuck.is_some_and(|since| since.elapsed() < PAUSE) {
            return false;
        }
        let making = Arc::strong_count(&state.making) - 1;
        let waiting = Arc::strong_count(&state.waiting) - 1;
        if state.http2.len() + making >= self.most() || waiting < making * STREAMS {
            return making > 0;
        }
        let (pool, making) = (Arc::clone(self), Arc::clone(&state.making));
        tokio::spawn(async move {
            // An error here is the failure of no request: those have a connection.
            if !matches!(pool.connect().await, Ok(Connection::Http2(_))) {
                pool.lock().stuck = Some(Instant::now());
            }
            drop(making);
            pool.widened.notify_waiters();
        });
        true
    }

    /// A panic elsewhere leaves nothing half done in here.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolState {
    /// A connection that is there, the one with the least to do, and whether that is full where
    /// there may be another one.
    fn take(&mut self, most: usize) -> Option<(Connection, bool)> {
        self.http2.retain(|shared| !shared.is_closed());
        if let Some(shared) = self.http2.iter().min_by_key(|shared| shared.under_way()) {
            let full = self.http2.len() < most && shared.is_full();
            return Some((Connection::Http2(shared.clone()), full));
        }
        self.idle.retain(|(_, since)| since.elapsed() < IDLE);
        while let Some((sender, _)) = self.idle.pop() {
            if !sender.is_closed() {
                return Some((Connection::Http1(sender), false));
            }
        }
        None
    }

    fn share(&mut self, shared: &Multiplexed, most: usize) {
        self.http1 = false;
        self.http2.push(shared.clone());
        // The oldest one ends with its requests.
        if self.http2.len() > most {
            self.http2.remove(0);
        }
    }
}
