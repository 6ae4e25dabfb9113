//! Connections to one endpoint, used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countermand_core::TransportError;
use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use hyper::client::conn::http1;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::connect::{Connection, Connector};
use crate::multiplexed::Multiplexed;
use crate::request_body::Body;
use crate::transport::BoxFuture;

/// A connection of HTTP/1.1 that was idle for longer is not used again: the server may be about to
/// close it, and a request lost that way is one in doubt.
const IDLE: Duration = Duration::from_secs(55);

/// After one more connection could not be made, none is tried for so long: there is one that works.
const PAUSE: Duration = Duration::from_secs(1);

/// Gives connections out and takes them back.
///
/// As long as the server may speak HTTP/2, all requests without a connection wait for the same one:
/// a hundred requests at once make one handshake, not a hundred. More connections of HTTP/2 are
/// made while requests queue on those that there are, and nothing waits for them.
pub(crate) struct Pool {
    connector: Connector,
    /// Connections of HTTP/2, at most.
    connections: usize,
    state: Mutex<PoolState>,
}

#[derive(Default)]
struct PoolState {
    http2: Vec<Multiplexed>,
    /// The task that makes one more of them.
    widening: Option<JoinHandle<()>>,
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

/// A connection of the pool, in use.
pub(crate) struct PooledConnection {
    pub(crate) connection: Connection,
    /// It was there before, so that it may have been closed meanwhile.
    pub(crate) reused: bool,
}

impl Pool {
    pub(crate) fn new(connector: Connector, connections: usize) -> Arc<Self> {
        let state = PoolState {
            http1: connector.is_http1(),
            ..PoolState::default()
        };
        Arc::new(Self {
            connector,
            connections,
            state: Mutex::new(state),
        })
    }

    /// The maker of its connections.
    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// A connection that is there.
    pub(crate) fn ready(self: &Arc<Self>) -> Option<PooledConnection> {
        self.reuse(&mut self.lock())
    }

    fn reuse(self: &Arc<Self>, state: &mut PoolState) -> Option<PooledConnection> {
        let (connection, full) = state.take(self.connections)?;
        if full {
            self.widen(state);
        }
        Some(PooledConnection {
            connection,
            reused: true,
        })
    }

    /// A connection that is there, or else a new one.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<PooledConnection, TransportError> {
        loop {
            let connecting = {
                let mut state = self.lock();
                if let Some(pooled) = self.reuse(&mut state) {
                    return Ok(pooled);
                }
                (!state.http1).then(|| self.join(&mut state))
            };
            let connection = match connecting {
                None => self.connect().await?,
                Some(connecting) => match connecting.await? {
                    Some(shared) => Connection::Http2(shared),
                    None => continue,
                },
            };
            return Ok(PooledConnection {
                connection,
                reused: false,
            });
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
            Connection::Http2(shared) => state.share(shared, self.connections),
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

    /// Makes one more connection of HTTP/2 beside the others, if there may be one.
    fn widen(self: &Arc<Self>, state: &mut PoolState) {
        let busy = |task: &JoinHandle<()>| !task.is_finished();
        if state.widening.as_ref().is_some_and(busy)
            || state.stuck.is_some_and(|since| since.elapsed() < PAUSE)
        {
            return;
        }
        let pool = Arc::clone(self);
        state.widening = Some(tokio::spawn(async move {
            // An error here is the failure of no request: those have a connection.
            if !matches!(pool.connect().await, Ok(Connection::Http2(_))) {
                pool.lock().stuck = Some(Instant::now());
            }
        }));
    }

    /// A panic elsewhere leaves nothing half done in here.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolState {
    /// A connection that is there, the one with the least to do, and whether that is full where
    /// there may be another one: to know it takes two locks.
    fn take(&mut self, connections: usize) -> Option<(Connection, bool)> {
        self.http2.retain(|shared| !shared.is_closed());
        if let Some(shared) = self.http2.iter().min_by_key(|shared| shared.under_way()) {
            let full = self.http2.len() < connections && shared.is_full();
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

    fn share(&mut self, shared: &Multiplexed, connections: usize) {
        self.http1 = false;
        self.http2.push(shared.clone());
        // The oldest one ends with its requests.
        if self.http2.len() > connections {
            self.http2.remove(0);
        }
    }
}
