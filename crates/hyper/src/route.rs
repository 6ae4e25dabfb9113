//! The route to a server: straight, or through a proxy.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use countermand_core::text::chain;
use countermand_core::{Endpoint, TransportError, TransportErrorKind};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::config::HyperConfig;
use crate::proxy;
use crate::resolve::Tcp;
use crate::transport::BoxFuture;
use crate::tunnel::Tunnel;

/// Connects to an origin, before any TLS. Clones share their settings.
#[derive(Clone)]
pub(crate) struct Route {
    tcp: Tcp,
    tunnel: Option<Arc<Tunnel>>,
    /// The variable that names a proxy, where none is used.
    unused_proxy: Option<&'static str>,
}

impl Route {
    pub(crate) fn new(endpoint: &Endpoint, config: &HyperConfig) -> Result<Self, TransportError> {
        let mut tcp = Tcp::new_with_resolver(config.resolver.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // HTTP/1.1 has no pings of its own; those of TCP count in seconds.
        tcp.set_keepalive(Some(config.pings.0.max(Duration::from_secs(1))));
        tcp.set_connect_timeout(Some(config.connect_timeout));
        let proxy = config.proxy.url(endpoint)?;
        Ok(Self {
            tcp,
            tunnel: proxy.map(|proxy| Arc::new(Tunnel::new(proxy))),
            unused_proxy: config.proxy.unused(endpoint),
        })
    }

    /// The proxy on the way.
    pub(crate) fn tunnel(&self) -> Option<&Tunnel> {
        self.tunnel.as_deref()
    }

    /// The failure to reach an origin.
    pub(crate) fn no_connection(&self, origin: &Uri, problem: &str) -> TransportError {
        let host = origin.authority().map_or("", |host| host.as_str());
        let unused = self.unused_proxy.map(proxy::told_unused);
        let unused = unused.map_or_else(String::new, |told| format!(" ({told})"));
        let message = format!("{host}: {problem}{unused}");
        TransportError::new(TransportErrorKind::Connect, message)
    }
}

impl Service<Uri> for Route {
    type Response = TokioIo<TcpStream>;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Self::Response, TransportError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, origin: Uri) -> Self::Future {
        let mut route = self.clone();
        Box::pin(async move {
            match &route.tunnel {
                Some(tunnel) => tunnel.connect(route.tcp, &origin).await,
                None => {
                    let connected = route.tcp.call(origin.clone()).await;
                    connected.map_err(|error| route.no_connection(&origin, &chain(&error)))
                }
            }
        })
    }
}
