//! From nothing to a connection that takes requests.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{Departure, Endpoint, TransportError, TransportErrorKind, chain};
use futures_util::future::Either;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::config::HyperConfig;
use crate::driver::now;
use crate::frames::Watched;
use crate::multiplexed::{Clock, Multiplexed, OnHeap};
use crate::proxy::{self, Way};
use crate::resolve::Resolver;
use crate::tls::Tls;

/// The body of a request: empty for every method of the API, short for a token's.
///
/// hyper asks a body whether it is empty at one moment: when it takes the request to write it, behind
/// the wait for a stream that the server allows. That is when the request leaves.
///
/// It is small, because it is moved with its request.
pub(crate) struct Body {
    content: Option<Box<Full<Bytes>>>,
    departure: Departure,
}

impl Body {
    pub(crate) fn empty(departure: Departure) -> Self {
        Self {
            content: None,
            departure,
        }
    }

    pub(crate) fn new(content: Bytes) -> Self {
        Self {
            content: Some(Box::new(Full::new(content))),
            departure: Departure::default(),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.content {
            Some(content) => Pin::new(content).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        if self.departure.is_told() {
            self.departure.leaves(now());
        }
        let content = self.content.as_deref();
        content.is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let content = self.content.as_deref();
        content.map_or(SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

/// The longest header list that HTTP/2 may bring, in bytes.
const HEADER_LIST: u32 = 16 << 10;

/// How much of an answer the server may send before it is read, on one stream and on a connection of
/// HTTP/2, in bytes. The second is more than all streams together may send: bodies that wait for room
/// in the budget take nothing from those that are read.
const WINDOWS: (u32, u32) = (128 << 10, 1 << 30);

/// How much of an answer a connection of HTTP/1.1 reads ahead, and the longest head, in bytes.
const READ_AHEAD: usize = 64 << 10;

/// How many streams that were given up are remembered, and how long: answers to them may still be
/// under way.
const GIVEN_UP: (usize, Duration) = (4096, Duration::from_secs(30));

/// How many frames may come for streams that nobody remembers before the connection is ended. Each
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
            Self::Http2(shared) => Either::Right(shared.send(request)),
        }
    }
}

/// From an address to a stream of bytes. The families of addresses race, so that one that leads
/// nowhere costs 300 ms.
pub(crate) type Tcp = HttpConnector<Resolver>;

/// Makes connections to one endpoint.
pub(crate) struct Connector {
    /// Of the endpoint: its path plays no part.
    origin: Uri,
    tcp: Tcp,
    /// The way through a proxy, if that is the way to go.
    proxy: Option<Way>,
    /// The variable that names a proxy, where none is used.
    unused_proxy: Option<&'static str>,
    tls: Option<Tls>,
    timeout: Duration,
    pings: (Duration, Duration),
    http2_prior_knowledge: bool,
}

impl Connector {
    pub(crate) fn new(endpoint: &Endpoint, config: &HyperConfig) -> Result<Self, TransportError> {
        let mut tcp = Tcp::new_with_resolver(config.resolver.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // HTTP/1.1 has no pings of its own; those of TCP count in seconds.
        tcp.set_keepalive(Some(config.pings.0.max(Duration::from_secs(1))));
        tcp.set_connect_timeout(Some(config.connect_timeout));
        Ok(Self {
            origin: endpoint.uri(PathAndQuery::from_static("/")),
            proxy: config.proxy.way(endpoint, &tcp)?,
            unused_proxy: config.proxy.unused(endpoint),
            tcp,
            tls: match endpoint.is_plaintext() {
                true => None,
                false => Some(Tls::new(endpoint.host(), config)?),
            },
            timeout: config.connect_timeout,
            pings: config.pings,
            http2_prior_knowledge: config.http2_prior_knowledge,
        })
    }

    /// Host and port of the proxy that is the way.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy.as_ref().map(Way::host)
    }

    /// Whether HTTP/1.1 is all that can come of [`connect`](Self::connect).
    pub(crate) fn is_http1(&self) -> bool {
        self.tls.is_none() && !self.http2_prior_knowledge
    }

    /// Connects to the endpoint, within the connect time-out.
    pub(crate) async fn connect(&self) -> Result<Connection, TransportError> {
        tokio::time::timeout(self.timeout, self.connect_at_leisure())
            .await
            .unwrap_or_else(|_| {
                Err(self.no_connection(&format!("no connection within {:?}", self.timeout)))
            })
    }

    async fn connect_at_leisure(&self) -> Result<Connection, TransportError> {
        let tcp: TokioIo<TcpStream> = match &self.proxy {
            None => {
                let connected = self.tcp.clone().call(self.origin.clone()).await;
                connected.map_err(|error| self.no_connection(&chain(&error)))
            }
            Some(proxy) => proxy.connect(&self.origin).await,
        }?;
        let spoken = match &self.tls {
            None => {
                self.speak(tcp.into_inner(), self.http2_prior_knowledge)
                    .await
            }
            Some(tls) => {
                let (stream, http2) = tls.connect(tcp, self.proxy.as_ref()).await?;
                self.speak(stream.into_inner(), http2).await
            }
        };
        spoken.map_err(|error| self.no_connection(&chain(&error)))
    }

    fn no_connection(&self, problem: &str) -> TransportError {
        let host = self.origin.authority().map_or("", |host| host.as_str());
        let unused = self.unused_proxy.map(proxy::told_unused);
        let unused = unused.map_or_else(String::new, |told| format!(" ({told})"));
        let message = format!("{host}: {problem}{unused}");
        TransportError::new(TransportErrorKind::Connect, message)
    }

    /// Begins to speak HTTP on a stream; a task of its own drives it until its sender is dropped.
    async fn speak<S>(&self, stream: S, http2: bool) -> Result<Connection, hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if http2 {
            let clock = Clock::new();
            let (sender, connection) = http2::Builder::new(OnHeap)
                .timer(clock.clone())
                .keep_alive_interval(self.pings.0)
                .keep_alive_timeout(self.pings.1)
                .keep_alive_while_idle(true)
                .max_header_list_size(HEADER_LIST)
                .initial_stream_window_size(WINDOWS.0)
                .initial_connection_window_size(WINDOWS.1)
                .max_concurrent_reset_streams(GIVEN_UP.0)
                .reset_stream_duration(GIVEN_UP.1)
                .max_local_error_reset_streams(TOO_LATE)
                // Until the server has said how many it takes: a crowd would be refused.
                .initial_max_send_streams(1)
                .handshake(Box::new(TokioIo::new(Watched::new(stream))))
                .await?;
            Ok(Connection::Http2(Multiplexed::new(
                sender, connection, clock,
            )))
        } else {
            let (sender, connection) = http1::Builder::new()
                .max_buf_size(READ_AHEAD)
                .handshake(TokioIo::new(stream))
                .await?;
            tokio::spawn(connection);
            Ok(Connection::Http1(sender))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// hyper moves a request together with the place for its answer, many times; above 256 bytes each
    /// copy costs twice as much.
    #[test]
    fn a_request_that_waits_in_hyper_is_small() {
        let size = size_of::<Option<Request<Body>>>();
        assert!(size + 2 * size_of::<usize>() <= 256, "{size}");
    }
}
