//! The emulator on a socket.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::shared::Shared;
use crate::site::Site;
use crate::tls::Tls;
use crate::wire::{Wreck, answer};

/// GOAWAY, 8 bytes long, on stream 0: last stream 0, `NO_ERROR`.
const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A listening emulator: HTTP/1.1 and HTTP/2 (by prior knowledge, or by ALPN under TLS) on one port.
///
/// It performs every [`Action`](crate::Action) for real, down to RST packets. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens in plain text; port 0 takes a free one. The future may be dropped: then nothing listens.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr, shared: Shared) -> io::Result<Self> {
        Self::start(address, shared, None).await
    }

    /// Listens with TLS. The future may be dropped: then nothing listens.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind_tls(address: SocketAddr, shared: Shared, tls: &Tls) -> io::Result<Self> {
        Self::start(
            address,
            shared,
            Some(TlsAcceptor::from(Arc::clone(&tls.config))),
        )
        .await
    }

    async fn start(
        address: SocketAddr,
        shared: Shared,
        tls: Option<TlsAcceptor>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let connections = Arc::new(AtomicUsize::new(0));
        Ok(Self {
            address: listener.local_addr()?,
            scheme: if tls.is_some() { "https" } else { "http" },
            connections: Arc::clone(&connections),
            accepting: tokio::spawn(accept(listener, shared, tls, connections)),
        })
    }

    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The root of the API, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The connections belong to the accepting task and end with it.
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    shared: Shared,
    tls: Option<TlsAcceptor>,
    connections: Arc<AtomicUsize>,
) {
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.fetch_add(1, Ordering::Relaxed);
                let (shared, tls) = (shared.clone(), tls.clone());
                open.spawn(async move {
                    // A connection that fails is the client's to notice.
                    let _ = connection(stream, shared, tls).await;
                });
            }
            // Out of descriptors, most likely: some will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Shared, tls: Option<TlsAcceptor>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let site = Site {
        address: stream.local_addr()?.ip(),
        tls: tls.is_some(),
    };
    let stream = stream.into_std()?;
    // A second descriptor of the same socket, for what can only be done behind hyper's back.
    let raw = stream.try_clone()?;
    let stream = TcpStream::from_std(stream)?;
    let wreck = match tls {
        None => serve(stream, shared, site).await,
        Some(tls) => {
            let wreck = serve(tls.accept(stream).await?, shared, site).await;
            // A frame in plain text would not be one under TLS.
            wreck.map(|_| Wreck::Reset)
        }
    };
    match wreck {
        None => Ok(()),
        // The last descriptor is closed with this function: with a linger of zero that sends RST.
        Some(Wreck::Reset) => SockRef::from(&raw).set_linger(Some(Duration::ZERO)),
        Some(Wreck::GoAway) => say_goodbye(TcpStream::from_std(raw)?).await,
    }
}

/// Serves a connection to its end, or to the wreck that an action asks for.
async fn serve<I>(stream: I, shared: Shared, site: Site) -> Option<Wreck>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, mut wrecks) = mpsc::channel(1);
    let streams = shared.streams;
    let service = service_fn(move |request| answer(shared.clone(), site, sender.clone(), request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(streams);
    let served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    match select(served, pin!(wrecks.recv())).await {
        Either::Left(_) => None,
        Either::Right((wreck, _)) => wreck,
    }
}

async fn say_goodbye(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(&GOAWAY).await?;
    stream.shutdown().await?;
    // Closing with unread bytes would send RST, which may overtake the frame.
    let mut rest = [0; 1024];
    let drained = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), drained).await;
    Ok(())
}
