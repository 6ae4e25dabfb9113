//! From a host name to addresses.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use crate::transport::BoxFuture;

/// Connects by TCP. The families of addresses race, so that one that leads nowhere costs 300 ms.
pub(crate) type Tcp = HttpConnector<Resolver>;

/// Asks the operating system, or the function of the settings.
#[derive(Clone, Default)]
pub(crate) struct Resolver(Option<Arc<Resolve>>);

type Resolve = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

impl Resolver {
    pub(crate) fn new<F, Answer>(resolve: F) -> Self
    where
        F: Fn(String) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        Self(Some(Arc::new(move |host| Box::pin(resolve(host)))))
    }
}

/// Two functions are equal if they are one.
impl PartialEq for Resolver {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }
}

impl Eq for Resolver {}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Some(resolve) = &self.0 else {
            let found = GaiResolver::new().call(name);
            return Box::pin(found.map(|found| Ok(found?.collect::<Vec<_>>().into_iter())));
        };
        let found = resolve(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?;
            if found.is_empty() {
                return Err(io::Error::other("the name has no address"));
            }
            // The port is the URL's; the caller that connects puts it in.
            let found = found.into_iter().map(|address| (address, 0).into());
            Ok(found.collect::<Vec<_>>().into_iter())
        })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "Resolver(..)",
            None => "Resolver",
        })
    }
}
