//! Tunnels through a proxy, by HTTP CONNECT.

use bytes::Bytes;
use countermand_core::TransportError;
use countermand_core::TransportErrorKind::{self, Connect, Proxy};
use countermand_core::text::chain;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::Authority;
use http::{Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::proxy_url::ProxyUrl;
use crate::resolve::Tcp;

/// The longest head of a proxy's answer that is read, in bytes.
const HEAD: usize = 16 << 10;

/// A proxy that makes tunnels.
pub(crate) struct Tunnel {
    proxy: ProxyUrl,
}

impl Tunnel {
    pub(crate) const fn new(proxy: ProxyUrl) -> Self {
        Self { proxy }
    }

    /// Host and port of the proxy, in words that can be shown.
    pub(crate) fn host(&self) -> &str {
        self.proxy.shown()
    }

    /// A stream to the origin, which the proxy connects to (RFC 9110, 9.3.6).
    pub(crate) async fn connect(
        &self,
        mut tcp: Tcp,
        origin: &Uri,
    ) -> Result<TokioIo<TcpStream>, TransportError> {
        let authority = origin.authority().map_or("", Authority::as_str);
        let server = match origin.port() {
            Some(_) => authority.to_owned(),
            None => format!("{authority}:443"),
        };
        let connected = tcp.call(self.proxy.uri.clone()).await;
        let (kind, problem) = match connected {
            Err(error) => (Connect, self.proxy.hidden(&chain(&error))),
            Ok(stream) => match self.ask(stream, &server).await {
                Ok((_, Some((stream, rest)))) if rest.is_empty() => return Ok(stream),
                Ok((status, Some(_))) => (
                    Proxy,
                    format!("it answered {status} and then a page of its own instead of a tunnel"),
                ),
                Ok((StatusCode::PROXY_AUTHENTICATION_REQUIRED, None)) => {
                    let problem = match self.proxy.authorization {
                        Some(_) => "it does not accept the user and the password",
                        None => "it asks for a user and a password, and its URL has none",
                    };
                    (
                        Proxy,
                        format!("{problem} (407 Proxy Authentication Required)"),
                    )
                }
                Ok((status, None)) if passes(status) => (Connect, format!("it answered {status}")),
                Ok((status, None)) => (Proxy, format!("it answered {status}")),
                Err(error) if error.is_parse() => {
                    (Proxy, "it does not answer as an HTTP proxy does".to_owned())
                }
                Err(error) if error.is_incomplete_message() => (
                    Connect,
                    "it closed the connection without a complete answer".to_owned(),
                ),
                Err(error) => (Connect, chain(&error)),
            },
        };
        Err(self.failure(kind, &server, &problem))
    }

    /// Asks for the tunnel; gives the status of the answer, and the tunnel with what has come
    /// through it already.
    async fn ask(
        &self,
        stream: TokioIo<TcpStream>,
        server: &str,
    ) -> hyper::Result<(StatusCode, Option<(TokioIo<TcpStream>, Bytes)>)> {
        let (mut sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .max_buf_size(HEAD)
            .handshake(stream)
            .await?;
        let mut request = Request::connect(server)
            .header(HOST, server)
            .body(Empty::<Bytes>::new())
            .expect("the authority of a URI is one, and a header value");
        if let Some(authorization) = &self.proxy.authorization {
            let headers = request.headers_mut();
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await?;
        let status = response.status();
        if !status.is_success() {
            return Ok((status, None));
        }
        let upgraded = hyper::upgrade::on(response).await?;
        let parts = upgraded.downcast::<TokioIo<TcpStream>>();
        let parts = parts.expect("it was made of such a stream above");
        Ok((status, Some((parts.io, parts.read_buf))))
    }

    /// A failure to get through the tunnel: with the kind `Proxy`, one that the next try would meet
    /// again.
    pub(crate) fn failure(
        &self,
        kind: TransportErrorKind,
        server: &str,
        problem: &str,
    ) -> TransportError {
        let message = format!("{server}: through the proxy {}: {problem}", self.host());
        TransportError::new(kind, message)
    }
}

/// Tells whether the proxy may answer otherwise the next time: it cannot reach the server for now.
fn passes(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(status.as_u16(), 408 | 429)
}
