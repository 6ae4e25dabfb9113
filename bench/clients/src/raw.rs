//! R: hyper and nothing else. No token source, no timeout, no retry, no cap, no log: the best that
//! this stack can do.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use bench_task::Task;

type Failure = Box<dyn Error>;
type Body = Empty<Bytes>;

/// The host and the port of a root.
struct Server {
    authority: String,
    host: String,
}

/// Does the task.
///
/// # Errors
/// Any failure: nothing is retried.
pub(crate) async fn run(task: &Task) -> Result<(), Failure> {
    let authority = task.root.strip_prefix("https://").ok_or("not https")?;
    let host = authority.split(':').next().unwrap_or_default().to_owned();
    let server = Server {
        authority: authority.to_owned(),
        host,
    };
    let authorization = format!("Bearer {}", task.token);
    let stream = connect(task, &server).await?;
    let good = if task.is_serial() {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut good = 0;
        for index in 0..task.operations {
            let name = Task::name(index);
            let mut fine = true;
            for request in requests(task, &name) {
                let request = Request::builder()
                    .method(request.0)
                    .uri(format!("/v1/{}", request.1))
                    .header("host", &server.authority)
                    .header("authorization", &authorization)
                    .header("content-length", "0")
                    .body(Body::new())?;
                sender.ready().await?;
                fine &= is_good(sender.send_request(request).await?).await?;
            }
            good += usize::from(fine);
        }
        good
    } else {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let (server, authorization) = (&server, &authorization);
        let exchanges = stream::iter(0..task.operations).map(|index| {
            let mut sender = sender.clone();
            async move {
                let name = Task::name(index);
                let mut fine = true;
                for request in requests(task, &name) {
                    let request = Request::builder()
                        .method(request.0)
                        .uri(format!("https://{}/v1/{}", server.authority, request.1))
                        .header("authorization", authorization)
                        .header("content-length", "0")
                        .body(Body::new())?;
                    fine &= is_good(sender.send_request(request).await?).await?;
                }
                Ok::<_, Failure>(fine)
            }
        });
        let mut exchanges = std::pin::pin!(exchanges.buffer_unordered(task.in_flight));
        let mut good = 0;
        while let Some(fine) = exchanges.next().await {
            good += usize::from(fine?);
        }
        good
    };
    task.report(good, task.operations - good);
    Ok(())
}

/// The cancel, and the get where one is wanted.
fn requests(task: &Task, name: &str) -> impl Iterator<Item = (Method, String)> {
    const FIELDS: &str = "name,done,error,metadata(@type,type,createTime,duration,errorCode)";
    let get = task
        .confirms()
        .then(|| (Method::GET, format!("{name}?fields={FIELDS}")));
    [(Method::POST, format!("{name}:cancel"))]
        .into_iter()
        .chain(get)
}

async fn connect(task: &Task, server: &Server) -> Result<TlsStream<TcpStream>, Failure> {
    let tcp = TcpStream::connect(&server.authority).await?;
    tcp.set_nodelay(true)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&task.ca)? {
        roots.add(certificate?)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let protocol: &[u8] = if task.is_serial() { b"http/1.1" } else { b"h2" };
    config.alpn_protocols.push(protocol.to_vec());
    let name = ServerName::try_from(server.host.clone())?;
    Ok(TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await?)
}

/// Reads the answer to its end, without parsing it.
async fn is_good(response: Response<Incoming>) -> Result<bool, Failure> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(status == StatusCode::OK && !body.is_empty())
}
