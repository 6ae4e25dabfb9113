//! From nothing to a connection that takes requests.

use std::time::Duration;

use countermand_core::text::chain;
use countermand_core::{Endpoint, TransportError};
use futures_util::future::Either;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use tower_service::Service;

use crate::config::HyperConfig;
use crate::frames::Watched;
use crate::multiplexed::{AT_FIRST, Multiplexed, OnHeap};
use crate::request_body::Body;
use crate::route::Route;
use crate::runtime;
use crate::tls::{Stream, Tls};
use crate::tunnel::Tunnel;

/// The longest header list that HTTP/2 may bring, in bytes.
const HEADER_LIST: u32 = 16 << 10;

/// Bytes of an answer that the server may send before they are read, on one stream and on a
/// connection of HTTP/2. The second is more than all streams together may send: bodies that wait for room
/// in the budget take nothing from those that are read.
const WINDOWS: (u32, u32) = (128 << 10, 1 << 30);

/// Bytes of an answer that a connection of HTTP/1.1 reads ahead, and those of the longest head.
const READ_AHEAD: usize = 64 << 10;

/// Streams that were given up and are remembered, and for how long: answers to them may still be
/// under way.
const GIVEN_UP: (usize, Duration) = (4096, Duration::from_secs(30));

/// Frames that may come for streams that are not remembered, before the connection is ended. Each
/// is an answer that came too late, so that h2's own limit of 1,024 would end a connection, and all
/// requests on it, that is merely slow.
const TOO_LATE: usize = 1 << 20;

/// A connection that takes requests.
pub(crate) enum Connection {
    /// One request after the other.
    Http1(http1::SendRequest<Body>),
    /// Many at once.
    Http2(Multiplexed),
}

impl Connection {
    /// Sends a request in the form that the protocol wants, at once; the future is that of the
    /// answer and holds no request.
    pub(crate) fn send(
        &mut self,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Body>>>> + use<> {
        match self {
            Self::Http1(sender) => Either::Left(sender.try_send_request(request)),
            Self::Http2(shared) => Either::Right(shared.sender.try_send_request(request)),
        }
    }
}

/// Makes connections to one endpoint.
pub(crate) struct Connector {
    /// Of the endpoint: its path plays no part.
    origin: Uri,
    route: Route,
    tls: Option<Tls>,
    timeout: Duration,
    pings: (Duration, Duration),
    http2_prior_knowledge: bool,
}

impl Connector {
    pub(crate) fn new(endpoint: &Endpoint, config: &HyperConfig) -> Result<Self, TransportError> {
        let route = Route::new(endpoint, config)?;
        Ok(Self {
            origin: endpoint.uri(PathAndQuery::from_static("/")),
            tls: match endpoint.is_plaintext() {
                true => None,
                false => Some(Tls::new(endpoint.host(), route.clone(), config)?),
            },
            route,
            timeout: config.connect_timeout,
            pings: config.pings,
            http2_prior_knowledge: config.http2_prior_knowledge,
        })
    }

    /// Host and port of the proxy on the way.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.route.tunnel().map(Tunnel::host)
    }

    /// Tells whether HTTP/1.1 is all that can come of [`connect`](Self::connect).
    pub(crate) fn is_http1(&self) -> bool {
        self.tls.is_none() && !self.http2_prior_knowledge
    }

    /// Connects to the endpoint, within the connect time-out.
    pub(crate) async fn connect(&self) -> Result<Connection, TransportError> {
        runtime::check_io()?;
        runtime::timeout(self.timeout, self.connect_at_leisure())?
            .await
            .unwrap_or_else(|_| {
                let problem = format!("no connection within {:?}", self.timeout);
                Err(self.route.no_connection(&self.origin, &problem))
            })
    }

    async fn connect_at_leisure(&self) -> Result<Connection, TransportError> {
        let origin = self.origin.clone();
        let (stream, http2) = match &self.tls {
            None => {
                let stream = self.route.clone().call(origin).await?;
                (Stream::from(stream), self.http2_prior_knowledge)
            }
            Some(tls) => {
                let stream = tls.connect(origin).await?;
                let http2 = stream.connected().is_negotiated_h2();
                (stream, http2)
            }
        };
        let spoken = self.speak(stream, http2).await;
        spoken.map_err(|error| self.route.no_connection(&self.origin, &chain(&error)))
    }

    /// Begins to speak HTTP on a stream; a task of its own drives it until its sender is dropped.
    async fn speak(&self, stream: Stream, http2: bool) -> Result<Connection, hyper::Error> {
        if http2 {
            let (sender, connection) = http2::Builder::new(OnHeap)
                .timer(TokioTimer::new())
                .keep_alive_interval(self.pings.0)
                .keep_alive_timeout(self.pings.1)
                .keep_alive_while_idle(true)
                .max_header_list_size(HEADER_LIST)
                .initial_stream_window_size(WINDOWS.0)
                .initial_connection_window_size(WINDOWS.1)
                .max_concurrent_reset_streams(GIVEN_UP.0)
                .reset_stream_duration(GIVEN_UP.1)
                .max_local_error_reset_streams(TOO_LATE)
                .initial_max_send_streams(AT_FIRST)
                .handshake(Box::new(TokioIo::new(Watched::new(TokioIo::new(stream)))))
                .await?;
            Ok(Connection::Http2(Multiplexed::new(sender, connection)))
        } else {
            let (sender, connection) = http1::Builder::new()
                .max_buf_size(READ_AHEAD)
                .handshake(stream)
                .await?;
            tokio::spawn(connection);
            Ok(Connection::Http1(sender))
        }
    }
}
