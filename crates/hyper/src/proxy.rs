//! The way through a proxy, for those who ask for one.

use std::fmt;

use countermand_core::{Endpoint, TransportError, TransportErrorKind, chain};
use http::uri::{Authority, PathAndQuery};
use http::{StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower_service::Service;
use zeroize::Zeroizing;

use crate::connect::Tcp;
use crate::no_proxy::NoProxy;
use crate::proxy_url::ProxyUrl;

/// The variables that name a proxy, in the order in which they are looked at.
const URL: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The longest head of a proxy's answer that is read, in bytes.
const HEAD: usize = 16 << 10;

/// The way through a proxy.
pub(crate) struct Way {
    proxy: ProxyUrl,
    tcp: Tcp,
}

impl Way {
    /// Host and port of the proxy, in words that can be shown.
    pub(crate) fn host(&self) -> &str {
        self.proxy.shown()
    }

    /// A stream to the host of `uri`, which the proxy connects to (RFC 9110, 9.3.6).
    pub(crate) async fn connect(&self, uri: &Uri) -> Result<TokioIo<TcpStream>, TransportError> {
        let authority = uri.authority().map_or("", Authority::as_str);
        let server = match uri.port() {
            Some(_) => authority.to_owned(),
            None => format!("{authority}:443"),
        };
        let passing = |problem: &str| self.passing(&server, problem);
        let connected = self.tcp.clone().call(self.proxy.uri.clone()).await;
        let mut stream = connected
            .map_err(|error| passing(&self.proxy.hidden(&chain(&error))))?
            .into_inner();
        let asked = self.ask(&mut stream, &server).await;
        let (head, rest) = asked.map_err(|error| passing(&error.to_string()))?;
        let status = status(&head);
        match status {
            _ if head.is_empty() => Err(passing("it closed the connection without an answer")),
            Some(status) if status.is_success() && rest.is_none() => {
                Err(passing("it closed the connection within its answer"))
            }
            Some(status) if status.is_success() && rest == Some(0) => Ok(TokioIo::new(stream)),
            Some(status) if status.is_success() => Err(self.refusal(
                &server,
                &format!("it answered {status} and then a page of its own instead of a tunnel"),
            )),
            Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => {
                let problem = match self.proxy.authorization {
                    Some(_) => "it does not accept the user and the password",
                    None => "it asks for a user and a password, and its URL has none",
                };
                Err(self.refusal(
                    &server,
                    &format!("{problem} (407 Proxy Authentication Required)"),
                ))
            }
            // What may be over the next time: the proxy cannot reach the server.
            Some(status)
                if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
                    || matches!(status.as_u16(), 408 | 429) =>
            {
                Err(passing(&format!("it answered {status}")))
            }
            Some(status) => Err(self.refusal(&server, &format!("it answered {status}"))),
            None => Err(self.refusal(&server, "it does not answer as an HTTP proxy does")),
        }
    }

    /// Asks for the tunnel; gives the head of the answer, and how many bytes came after it, if it came
    /// to its end.
    async fn ask(
        &self,
        stream: &mut TcpStream,
        server: &str,
    ) -> std::io::Result<(Vec<u8>, Option<usize>)> {
        let mut request = Zeroizing::new(Vec::with_capacity(1024));
        request.extend_from_slice(
            format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n").as_bytes(),
        );
        if let Some(authorization) = &self.proxy.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await?;
        let mut head = Vec::new();
        loop {
            let mut chunk = [0; 1024];
            let read = stream.read(&mut chunk).await?;
            head.extend_from_slice(chunk.get(..read).unwrap_or_default());
            let end = head.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => {
                    let rest = head.len() - end - 4;
                    head.truncate(end);
                    return Ok((head, Some(rest)));
                }
                None if read == 0 || head.len() > HEAD => return Ok((head, None)),
                None => {}
            }
        }
    }

    /// A failure that may be over the next time.
    fn passing(&self, server: &str, problem: &str) -> TransportError {
        let message = format!("{server}: through the proxy {}: {problem}", self.host());
        TransportError::new(TransportErrorKind::Connect, message)
    }

    /// A refusal that the next try would meet again.
    pub(crate) fn refusal(&self, server: &str, problem: &str) -> TransportError {
        let message = format!("{server}: through the proxy {}: {problem}", self.host());
        TransportError::new(TransportErrorKind::Proxy, message)
    }
}

/// The status of an answer, if it is one of HTTP/1.
fn status(head: &[u8]) -> Option<StatusCode> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = line
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    StatusCode::from_bytes(rest.get(..3)?).ok()
}

/// What the settings say of a proxy.
#[derive(Clone, Default)]
pub(crate) enum Proxy {
    /// No word of one: everything goes straight to the server.
    #[default]
    None,
    /// What the environment says when the transport is made.
    Environment,
    /// This one, except for these hosts.
    Given { url: String, except: String },
}

impl Proxy {
    /// The way through the proxy to a server, if that is the way to go.
    ///
    /// Only `https://` takes one: a proxy between here and plain text would read the token.
    pub(crate) fn way(
        &self,
        endpoint: &Endpoint,
        tcp: &Tcp,
    ) -> Result<Option<Way>, TransportError> {
        if endpoint.is_plaintext() {
            return Ok(None);
        }
        let (whence, url, except) = match self {
            Self::None => return Ok(None),
            Self::Environment => match first(&URL) {
                Some((name, url)) => {
                    let except = first(&EXCEPTIONS).map(|(_, list)| list);
                    (format!(" in {name}"), url, except.unwrap_or_default())
                }
                None => return Ok(None),
            },
            Self::Given { url, except } => (String::new(), url.clone(), except.clone()),
        };
        // Neither is repeated, as a URL may hold a password; and what is not understood is not a
        // reason to go past the proxy.
        let unusable =
            |message: String| TransportError::new(TransportErrorKind::NotAllowed, message);
        let proxy = ProxyUrl::parse(&url).map_err(|problem| {
            unusable(format!(
                "the URL of the proxy{whence} {problem}; expected http://host:port or http://user:password@host:port"
            ))
        })?;
        let except = NoProxy::parse(&except)
            .map_err(|problem| unusable(format!("NO_PROXY {problem} (proxy {})", proxy.shown())))?;
        if covers(&except, endpoint) {
            return Ok(None);
        }
        Ok(Some(Way {
            proxy,
            tcp: tcp.clone(),
        }))
    }

    /// The variable that names a proxy for this server, where none is used.
    pub(crate) fn unused(&self, endpoint: &Endpoint) -> Option<&'static str> {
        match self {
            Self::None if !endpoint.is_plaintext() && !endpoint.is_loopback() => {}
            _ => return None,
        }
        let (name, _) = first(&URL)?;
        let except = first(&EXCEPTIONS).and_then(|(_, list)| NoProxy::parse(&list).ok());
        let excepted = except.is_some_and(|except| covers(&except, endpoint));
        (!excepted).then_some(name)
    }
}

/// The words for a variable that names a proxy which is not used.
pub(crate) fn told_unused(variable: &str) -> String {
    format!("{variable} is set and not used; --proxy-from-env (proxy_from_env) uses it")
}

fn covers(except: &NoProxy, endpoint: &Endpoint) -> bool {
    let port = endpoint.uri(PathAndQuery::from_static("/")).port_u16();
    except.covers(endpoint.host(), port.unwrap_or(443))
}

/// The first of these variables that says something, and its value.
fn first(names: &[&'static str]) -> Option<(&'static str, String)> {
    let values = names.iter().filter_map(|name| {
        // What is not UTF-8 is refused where it is read.
        let value = std::env::var_os(name)?;
        Some((*name, value.to_string_lossy().trim().to_owned()))
    });
    values.into_iter().find(|(_, value)| !value.is_empty())
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A given URL may hold a password.
        f.write_str(match self {
            Self::None => "None",
            Self::Environment => "Environment",
            Self::Given { .. } => "Given(..)",
        })
    }
}
