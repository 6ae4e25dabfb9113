//! The transport over hyper.

use std::error::Error as StdError;
use std::fmt;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{Endpoint, Transmit, TransportError, TransportErrorKind};
use http::header::{HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version};

use crate::body::Bodies;
use crate::config::HyperConfig;
use crate::connect::{Connection, Connector};
use crate::pool::Pool;
use crate::request_body::Body;
use crate::runtime;
use crate::transport::{BoxFuture, Transport};

/// The transport over hyper: HTTP/2 where the server speaks it, else HTTP/1.1, to one endpoint.
///
/// Cheap to clone; clones share their connections. Connections are used again, HTTP/2 ones are
/// asked for a sign of life every 20 s, also when idle. Redirects are never followed, nothing is
/// decompressed, bodies are cut at a cap, and a request goes to the endpoint it was made for or
/// nowhere.
///
/// It adds no token: put it into an [`Authorized`](crate::Authorized).
///
/// A tokio runtime with time and I/O must be running when it sends. Its connections belong to that
/// runtime and end with it: a program with several runtimes needs a `Hyper` for each.
#[derive(Clone)]
pub struct Hyper(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    config: HyperConfig,
    /// Connections of HTTP/2 to a host, at most.
    connections: Arc<AtomicUsize>,
    /// Transports to the regional hosts that requests have been for.
    regional: Mutex<Vec<Hyper>>,
    pool: Arc<Pool>,
    user_agent: HeaderValue,
    host: HeaderValue,
    bodies: Bodies,
}

impl Hyper {
    /// A transport to `endpoint`; connects when the first request comes.
    ///
    /// # Errors
    /// [`NotAllowed`](TransportErrorKind::NotAllowed) for `http://` to another machine unless
    /// [allowed](HyperConfig::allow_plaintext), for `https://` where the crate was built without
    /// TLS, and for a user agent that is no header value; [`Tls`](TransportErrorKind::Tls) for a
    /// CA file that cannot be read.
    pub fn new(endpoint: &Endpoint, config: HyperConfig) -> Result<Self, TransportError> {
        let connections = Arc::new(AtomicUsize::new(config.connections));
        Self::of(endpoint, config, connections)
    }

    fn of(
        endpoint: &Endpoint,
        config: HyperConfig,
        connections: Arc<AtomicUsize>,
    ) -> Result<Self, TransportError> {
        config.check(endpoint)?;
        let mut user_agent = concat!("countermand/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(program) = &config.user_agent {
            user_agent = format!("{program} {user_agent}");
        }
        let user_agent = HeaderValue::try_from(user_agent).map_err(|_| {
            let problem = "the user agent is not a header value";
            TransportError::new(TransportErrorKind::NotAllowed, problem)
        })?;
        let host = endpoint.uri(PathAndQuery::from_static("/"));
        let host = host.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::try_from(host)
            .expect("the authority of a URI has only characters that a header may hold");
        Ok(Self(Arc::new(Inner {
            endpoint: endpoint.clone(),
            regional: Mutex::default(),
            pool: Pool::new(Connector::new(endpoint, &config)?, Arc::clone(&connections)),
            connections,
            user_agent,
            host,
            bodies: Bodies::new(config.body_cap),
            config,
        })))
    }

    /// The endpoint that it serves.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Tells whether it is the transport to an endpoint by these settings.
    pub(crate) fn is_to(&self, endpoint: &Endpoint, config: &HyperConfig) -> bool {
        self.0.endpoint == *endpoint && self.0.config == *config
    }

    /// Lets one more client use it, which brings the connections that its settings allow it.
    pub(crate) fn join(&self) -> Self {
        let own = self.0.config.connections;
        self.0.connections.fetch_add(own, Ordering::Relaxed);
        self.clone()
    }

    /// The transport to the host of a request, if that is a regional one of the endpoint's service.
    fn regional(&self, uri: &Uri) -> Result<Option<Self>, TransportError> {
        let Some(authority) = uri.authority() else {
            return Ok(None);
        };
        let own = &self.0.endpoint;
        if own.is_at(authority) || !own.is_origin_of(uri) {
            return Ok(None);
        }
        let mut known = self
            .0
            .regional
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(hyper) = known.iter().find(|hyper| hyper.0.endpoint.is_at(authority)) {
            return Ok(Some(hyper.clone()));
        }
        let connections = Arc::clone(&self.0.connections);
        let hyper = Self::of(&own.at(authority), self.0.config.clone(), connections)?;
        known.push(hyper.clone());
        Ok(Some(hyper))
    }
}

impl Transport for Hyper {
    fn send(&self, transmit: Transmit) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        match self.regional(transmit.request.uri()) {
            Ok(Some(regional)) => Box::pin(async move { regional.send_here(transmit).await }),
            Ok(None) => Box::pin(self.send_here(transmit)),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}

impl Hyper {
    fn send_here(
        &self,
        transmit: Transmit,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> {
        let departure = transmit.departure;
        let request = transmit
            .request
            .map(|content| Body::observed(content, departure));
        let body_cap = transmit.body_cap as usize;
        self.0.send(request, transmit.timeout, body_cap)
    }

    /// Makes a connection beside the pooled ones and drops it; tells its protocol, HTTP/1.1 or HTTP/2.
    /// The future may be dropped at any time.
    ///
    /// # Errors
    /// As [`Transport::send`], where no connection can be made.
    pub async fn try_connect(&self) -> Result<Version, TransportError> {
        Ok(match self.0.pool.connector().connect().await? {
            Connection::Http1(_) => Version::HTTP_11,
            Connection::Http2(_) => Version::HTTP_2,
        })
    }

    /// Host and port of the proxy on the way to the server.
    #[must_use]
    pub fn proxy(&self) -> Option<&str> {
        self.0.pool.connector().proxy()
    }

    /// Sends a request that may have a body, under the same rules.
    ///
    /// # Cancellation safety
    /// As [`Transport::send`].
    ///
    /// # Errors
    /// As [`Transport::send`].
    pub async fn call(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let request = request.map(Body::new);
        self.0.send(request, timeout, usize::MAX).await
    }
}

impl Inner {
    /// One request. Not an `async fn`, which holds its arguments twice: a future of a kilobyte and
    /// more is slow to allocate and to move.
    fn send(
        &self,
        mut request: Request<Body>,
        timeout: Duration,
        body_cap: usize,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> {
        let elsewhere = match self.endpoint.is_origin_of(request.uri()) {
            true => None,
            false => Some(format!("{} is not at {}", request.uri(), self.endpoint)),
        };
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, self.user_agent.clone());
        let mut request = Some(request);
        async move {
            if let Some(message) = elsewhere {
                return Err(TransportError::new(TransportErrorKind::NotAllowed, message));
            }
            let mut sent = false;
            let exchange = self.exchange(&mut request, &mut sent, body_cap);
            let in_time = runtime::timeout(timeout, exchange)?.await;
            in_time.unwrap_or_else(|_| Err(self.late(timeout, sent)))
        }
    }

    fn late(&self, timeout: Duration, sent: bool) -> TransportError {
        let (kind, what) = match sent {
            true => (TransportErrorKind::TimedOut, "no complete answer"),
            false => (TransportErrorKind::Connect, "no connection"),
        };
        let host = self.endpoint.host();
        let millis = timeout.as_micros().div_ceil(1000);
        TransportError::new(kind, format!("{host}: {what} within {millis} ms"))
    }

    /// Takes the request out of its place when it is sent; `sent` tells from then on that it may have
    /// been delivered.
    async fn exchange(
        &self,
        request: &mut Option<Request<Body>>,
        sent: &mut bool,
        body_cap: usize,
    ) -> Result<Response<Bytes>, TransportError> {
        loop {
            let mut pooled = match self.pool.ready() {
                Some(pooled) => pooled,
                // On the heap, or every request would carry the room that a handshake needs.
                None => Box::pin(self.pool.acquire()).await?,
            };
            if let Connection::Http1(sender) = &mut pooled.connection
                && pooled.reused
                && sender.ready().await.is_err()
            {
                continue;
            }
            *sent = true;
            if let Some(request) = request {
                self.address(request, &pooled.connection);
            }
            let leaving = request.take().expect("one that did not leave is put back");
            let mut response = match pooled.connection.send(leaving).await {
                Ok(response) => response,
                Err(mut error) => {
                    let kind = match error.take_message() {
                        // It was closed while it was idle, and nothing was sent.
                        Some(unsent) if pooled.reused => {
                            *sent = false;
                            *request = Some(unsent);
                            continue;
                        }
                        // It was new, but the server has said nothing of the request either.
                        Some(_) => TransportErrorKind::Connect,
                        None => classify(error.error()),
                    };
                    let error = TransportError::new(kind, error.into_error());
                    return Err(blame(error, &pooled.connection));
                }
            };
            let body = self.bodies.read(&mut response, body_cap).await;
            let body = body.map_err(|error| blame(error, &pooled.connection))?;
            self.pool.release(pooled.connection);
            return Ok(response.map(|_| body));
        }
    }

    /// Puts a request into the form that the protocol wants.
    fn address(&self, request: &mut Request<Body>, connection: &Connection) {
        let path = || {
            let path = request.uri().path_and_query().cloned();
            path.unwrap_or(PathAndQuery::from_static("/"))
        };
        match connection {
            Connection::Http1(_) => {
                *request.uri_mut() = Uri::from(path());
                request.headers_mut().insert(HOST, self.host.clone());
            }
            // One that was made ready for the other protocol has to be turned back.
            Connection::Http2(_) if request.headers().contains_key(HOST) => {
                *request.uri_mut() = self.endpoint.uri(path());
                request.headers_mut().remove(HOST);
            }
            Connection::Http2(_) => {}
        }
    }
}

/// The kind of the failure of a request that was handed to a connection.
fn classify(error: &hyper::Error) -> TransportErrorKind {
    // Only the peer's word about this stream counts; errors of this side, or of the network, prove
    // nothing. A stream is told of a GOAWAY only if its number is above the last one that was
    // processed. One case cannot be told apart, because the error does not hold that number: a
    // GOAWAY that comes in the instant between opening a stream and asking for room for the next
    // one ends the new stream too, whatever its number; it may have gone out and is reset.
    let stream = error.source().and_then(|cause| cause.downcast_ref());
    match stream.filter(|stream: &&h2::Error| stream.is_remote()) {
        Some(stream) => match stream.reason() {
            Some(h2::Reason::ENHANCE_YOUR_CALM) => TransportErrorKind::EnhanceYourCalm,
            Some(h2::Reason::REFUSED_STREAM) => TransportErrorKind::Unprocessed,
            _ if stream.is_go_away() => TransportErrorKind::Unprocessed,
            _ => TransportErrorKind::ConnectionLost,
        },
        None if refuses_us(error) => TransportErrorKind::Tls,
        None => TransportErrorKind::ConnectionLost,
    }
}

/// Adds the connection, if that was lost as a whole and may have had other requests. An error that
/// ends a single stream is a reset.
fn blame(error: TransportError, connection: &Connection) -> TransportError {
    let Connection::Http2(shared) = connection else {
        return error;
    };
    let cause = error.source().filter(|cause| cause.is::<hyper::Error>());
    let stream = cause.and_then(|cause| cause.source()?.downcast_ref::<h2::Error>());
    match cause.is_some() && !stream.is_some_and(h2::Error::is_reset) {
        true => error.on_connection(shared.lost()),
        false => error,
    }
}

/// Tells whether the server broke off because it wants another client certificate, or one at all. In TLS
/// 1.3 that comes after the handshake, in the place of an answer; it has processed nothing.
fn refuses_us(error: &hyper::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>();
        if inner.is_some_and(crate::tls::is_refusal) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl fmt::Debug for Hyper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hyper")
            .field("endpoint", &self.0.endpoint)
            .finish_non_exhaustive()
    }
}
