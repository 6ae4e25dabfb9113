//! Proxies, for those who ask for one.

use countermand_core::{Endpoint, TransportError, TransportErrorKind, chain};
use http::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::connect::Tcp;

/// Where the settings of a proxy come from, in the order in which they are looked at.
const URL: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The way through a proxy.
pub(crate) struct Way {
    tunnel: Tunnel<Tcp>,
    host: String,
}

impl Way {
    /// A stream to the host of `uri`, or what went wrong, with the proxy named.
    pub(crate) async fn connect(&self, uri: &Uri) -> Result<TokioIo<TcpStream>, String> {
        let connected = self.tunnel.clone().call(uri.clone()).await;
        connected.map_err(|error| format!("through the proxy {}: {}", self.host, chain(&error)))
    }
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
        let (url, except) = match self {
            Self::None => return Ok(None),
            Self::Environment => match first(&URL) {
                Some(url) => (url, first(&EXCEPTIONS).unwrap_or_default()),
                None => return Ok(None),
            },
            Self::Given { url, except } => (url.clone(), except.clone()),
        };
        // A URL that says nothing to the matcher would let everything go past the proxy. It is not
        // repeated, as it may hold a password.
        let unusable = |what: &str| {
            let message = format!("the URL of the proxy {what}, expected http://host:port");
            TransportError::new(TransportErrorKind::Forbidden, message)
        };
        let server = Uri::try_from(endpoint.to_string())
            .map_err(|error| TransportError::new(TransportErrorKind::Forbidden, error))?;
        let always = Matcher::builder().https(&url).build();
        let proxy = always
            .intercept(&server)
            .ok_or_else(|| unusable("cannot be read"))?;
        if proxy.uri().scheme_str() != Some("http") {
            return Err(unusable("asks for another protocol"));
        }
        // The matcher's own star means names, not addresses.
        if except.split(',').any(|host| host.trim() == "*") {
            return Ok(None);
        }
        let matcher = Matcher::builder().https(url).no(except).build();
        if matcher.intercept(&server).is_none() {
            return Ok(None);
        }
        let tunnel = Tunnel::new(proxy.uri().clone(), tcp.clone());
        Ok(Some(Way {
            host: proxy
                .uri()
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default(),
            tunnel: match proxy.basic_auth() {
                Some(password) => tunnel.with_auth(password.clone()),
                None => tunnel,
            },
        }))
    }
}

/// The first of these variables that says something.
fn first(names: &[&str]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values
        .map(|value| value.trim().to_owned())
        .find(|value| !value.is_empty())
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A given URL may hold a password.
        f.write_str(match self {
            Self::None => "None",
            Self::Environment => "Environment",
            Self::Given { .. } => "Given(..)",
        })
    }
}
