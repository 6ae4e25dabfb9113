//! Connections to one endpoint, used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use http::Uri;
use hyper::client::conn::{http1, http2};
use tokio::time::Instant;

use crate::connect::{Body, Connection, Connector};
use crate::failure::Failure;
use crate::transport::BoxFuture;

/// A connection of HTTP/1.1 that was idle for longer is not used again: the server may be about to
/// close it, and a request lost that way is one in doubt.
const IDLE: Duration = Duration::from_secs(55);

/// Gives connections out and takes them back.
///
/// Until it is known that the server does not speak HTTP/2, all who need a connection wait for the
/// same one: a hundred requests at once make one handshake, not a hundred.
pub(crate) struct Pool {
    connector: Arc<Connector>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    http2: Option<http2::SendRequest<Body>>,
    /// Oldest first.
    idle: Vec<(http1::SendRequest<Body>, Instant)>,
    /// The last connection spoke HTTP/1.1.
    http1: bool,
    /// Ends when nobody waits for it any more.
    connecting: Option<WeakShared<Connecting>>,
}

/// Gives the connection if it can be shared; the other sort goes to the idle ones.
type Connecting = BoxFuture<'static, Result<Option<http2::SendRequest<Body>>, Failure>>;

/// A connection on loan.
pub(crate) struct Loan {
    pub(crate) connection: Connection,
    /// It was there before, so that it may have been closed meanwhile.
    pub(crate) reused: bool,
}

impl Pool {
    pub(crate) fn new(connector: Connector) -> Self {
        let state = State {
            http1: connector.is_http1(),
            ..State::default()
        };
        Self {
            connector: Arc::new(connector),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// A connection that is ready, an idle one if possible.
    pub(crate) async fn borrow(&self, uri: &Uri) -> Result<Loan, Failure> {
        loop {
            let connecting = {
                let mut state = lock(&self.state);
                if let Some(connection) = state.take() {
                    return Ok(Loan {
                        connection,
                        reused: true,
                    });
                }
                match state.http1 {
                    true => None,
                    false => Some(self.join(&mut state, uri)),
                }
            };
            let connection = match connecting {
                None => {
                    let connection = self.connector.connect(uri).await?;
                    if let Connection::Http2(sender) = &connection {
                        lock(&self.state).share(sender);
                    }
                    connection
                }
                Some(connecting) => match connecting.await? {
                    Some(sender) => Connection::Http2(sender),
                    None => continue,
                },
            };
            return Ok(Loan {
                connection,
                reused: false,
            });
        }
    }

    /// Takes a connection back whose answer was read to the end.
    pub(crate) fn give_back(&self, connection: Connection) {
        if let Connection::Http1(sender) = connection
            && !sender.is_closed()
        {
            lock(&self.state).keep(sender);
        }
    }

    /// The connection that is being made, or a new one.
    fn join(&self, state: &mut State, uri: &Uri) -> Shared<Connecting> {
        let under_way = state.connecting.as_ref().and_then(WeakShared::upgrade);
        if let Some(connecting) = under_way
            && connecting.peek().is_none()
        {
            return connecting;
        }
        let (connector, shared, uri) = (
            Arc::clone(&self.connector),
            Arc::clone(&self.state),
            uri.clone(),
        );
        let connecting: Connecting = Box::pin(async move {
            let connection = connector.connect(&uri).await?;
            let mut state = lock(&shared);
            Ok(match connection {
                Connection::Http2(sender) => {
                    state.share(&sender);
                    Some(sender)
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
}

impl State {
    fn take(&mut self) -> Option<Connection> {
        if let Some(sender) = &self.http2 {
            if !sender.is_closed() {
                return Some(Connection::Http2(sender.clone()));
            }
            self.http2 = None;
        }
        self.forget_stale();
        while let Some((sender, _)) = self.idle.pop() {
            if !sender.is_closed() {
                return Some(Connection::Http1(sender));
            }
        }
        None
    }

    fn share(&mut self, sender: &http2::SendRequest<Body>) {
        self.http1 = false;
        self.http2 = Some(sender.clone());
    }

    fn keep(&mut self, sender: http1::SendRequest<Body>) {
        self.forget_stale();
        self.idle.push((sender, Instant::now()));
    }

    fn forget_stale(&mut self) {
        let now = Instant::now();
        self.idle
            .retain(|(_, since)| now.saturating_duration_since(*since) < IDLE);
    }
}

/// A panic elsewhere leaves nothing half done in here.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
