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
/// Until it is known that the server does not speak HTTP/2, all who need a connection wait for the
/// same one: a hundred requests at once make one handshake, not a hundred. More connections of
/// HTTP/2 are made while requests queue on those that there are, and nobody waits for them.
pub(crate) struct Pool {
    connector: Arc<Connector>,
    /// Connections of HTTP/2, at most.
    connections: usize,
    state: Arc<Mutex<PoolState>>,
}

#[derive(Default)]
struct PoolState {
    http2: Vec<Multiplexed>,
    /// The task that makes one more of them.
    widening: Option<JoinHandle<()>>,
    /// When one more could not be made.
    stuck: Option<Instant>,
    /// Oldest first.
    idle: Vec<(http1::SendRequest<Body>, Instant)>,
    /// The last connection spoke HTTP/1.1.
    http1: bool,
    /// Ends when nobody waits for it any more.
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
    pub(crate) fn new(connector: Connector, connections: usize) -> Self {
        let state = PoolState {
            http1: connector.is_http1(),
            ..PoolState::default()
        };
        Self {
            connector: Arc::new(connector),
            connections,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// A connection that is there.
    pub(crate) fn ready(&self) -> Option<PooledConnection> {
        self.reuse(&mut lock(&self.state))
    }

    fn reuse(&self, state: &mut PoolState) -> Option<PooledConnection> {
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
    pub(crate) async fn acquire(&self) -> Result<PooledConnection, TransportError> {
        loop {
            let connecting = {
                let mut state = lock(&self.state);
                if let Some(pooled) = self.reuse(&mut state) {
                    return Ok(pooled);
                }
                match state.http1 {
                    true => None,
                    false => Some(self.join(&mut state)),
                }
            };
            let connection = match connecting {
                None => {
                    let connection = self.connector.connect().await?;
                    if let Connection::Http2(shared) = &connection {
                        lock(&self.state).share(shared, self.connections);
                    }
                    connection
                }
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
            Connection::Http1(sender) => lock(&self.state).keep(sender),
            Connection::Http2(shared) => shared.answered(),
        }
    }

    /// The connection that is being made, or a new one.
    fn join(&self, state: &mut PoolState) -> Shared<Connecting> {
        let under_way = state.connecting.as_ref().and_then(WeakShared::upgrade);
        if let Some(connecting) = under_way
            && connecting.peek().is_none()
        {
            return connecting;
        }
        let (connector, state_of_all) = (Arc::clone(&self.connector), Arc::clone(&self.state));
        let connections = self.connections;
        let connecting: Connecting = Box::pin(async move {
            let connection = connector.connect().await?;
            let mut state = lock(&state_of_all);
            Ok(match connection {
                Connection::Http2(shared) => {
                    state.share(&shared, connections);
                    Some(shared)
                }
                Connection::Http1(sender) => {
                    state.http1 = true;
                    state.keep(sender);
                    None
                }
            })
        });
        let connecting = connecting.shared();
        state.connecting = connecting.downgrade();
        connecting
    }

    /// Makes one more connection of HTTP/2 beside the others, if there may be one.
    fn widen(&self, state: &mut PoolState) {
        let busy = state
            .widening
            .as_ref()
            .is_some_and(|task| !task.is_finished());
        let stuck = state.stuck.is_some_and(|since| since.elapsed() < PAUSE);
        if busy || stuck || state.http2.len() >= self.connections {
            return;
        }
        let connector = Arc::clone(&self.connector);
        let (connections, pool) = (self.connections, Arc::downgrade(&self.state));
        state.widening = Some(tokio::spawn(async move {
            let connection = connector.connect().await;
            let Some(state) = pool.upgrade() else { return };
            let mut state = lock(&state);
            match connection {
                Ok(Connection::Http2(shared)) => state.share(&shared, connections),
                // What goes wrong here is nobody's failure: the requests have a connection.
                Ok(Connection::Http1(_)) | Err(_) => state.stuck = Some(Instant::now()),
            }
        }));
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
        self.forget_stale();
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

    fn keep(&mut self, sender: http1::SendRequest<Body>) {
        self.idle.push((sender, Instant::now()));
    }

    fn forget_stale(&mut self) {
        let now = Instant::now();
        self.idle
            .retain(|(_, since)| now.saturating_duration_since(*since) < IDLE);
    }
}

/// A panic elsewhere leaves nothing half done in here.
fn lock(state: &Mutex<PoolState>) -> MutexGuard<'_, PoolState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
