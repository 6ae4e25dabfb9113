//! TLS that agreed on one protocol and carries another, and TLS that is broken off.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countermand_hyper::{BoxFuture, HyperConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};
use tokio_rustls::server::TlsStream;

use crate::common::{endpoint, listen};
use crate::http2::{honest, serve_http2};
use crate::{HANDSHAKES_AT_FIRST, Mode, Truth, World, http1, judge, run, try_each};

/// A server of 127.0.0.1, and the file of its authority.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
    file: tempfile::NamedTempFile,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), issuer.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Self {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
            file,
        }
    }

    /// Accepts connections for these protocols.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.clone()).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Trusts it.
    pub(crate) fn config(&self) -> HyperConfig {
        HyperConfig::default().ca_file(self.file.path())
    }
}

/// Behaviour of a server on a connection, before or after TLS.
enum Speak {
    Raw(fn(TcpStream) -> BoxFuture<'static, ()>),
    Tls(fn(TlsStream<TcpStream>) -> BoxFuture<'static, ()>),
    /// HTTP/1.1; the end of TLS is told if it is `true`.
    Http1(fn(&str) -> Result<Vec<u8>, Vec<u8>>, bool),
    Http2,
}

struct Lie {
    name: &'static str,
    truth: Truth,
    protocols: &'static [&'static str],
    speak: Speak,
}

fn lies() -> Vec<Lie> {
    use Truth::{Lost, Works};
    let lie = |name, truth, protocols, speak| Lie {
        name,
        truth,
        protocols,
        speak,
    };
    let close_delimited = |body: &str| Err(format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes());
    vec![
        lie(
            "HTTP/2 was agreed on and is spoken",
            Works,
            &["h2"],
            Speak::Http2,
        ),
        lie(
            "HTTP/1.1 was agreed on and is spoken",
            Works,
            &["http/1.1"],
            Speak::Http1(|body| Ok(http1::whole(body)), true),
        ),
        lie("nothing was agreed on, HTTP/1.1 is spoken", Works, &[], {
            Speak::Http1(|body| Ok(http1::whole(body)), true)
        }),
        lie("HTTP/2 was agreed on, HTTP/1.1 is spoken", Lost, &["h2"], {
            Speak::Tls(|mut tls| {
                Box::pin(async move {
                    let _ = tls.read(&mut [0; 4096]).await;
                    let _ = tls.write_all(&http1::whole("{}")).await;
                    pending::<()>().await;
                })
            })
        }),
        lie(
            "HTTP/1.1 was agreed on, HTTP/2 is spoken",
            Lost,
            &["http/1.1"],
            Speak::Http2,
        ),
        lie(
            "nothing was agreed on, HTTP/2 is spoken",
            Lost,
            &[],
            Speak::Http2,
        ),
        lie("the end of TLS at once", Lost, &["h2"], {
            Speak::Tls(|mut tls| Box::pin(async move { drop(tls.shutdown().await) }))
        }),
        lie(
            "the end of TCP at once",
            Lost,
            &["h2"],
            Speak::Tls(|_| Box::pin(async {})),
        ),
        lie("the end of TLS in the body", Lost, &["http/1.1"], {
            Speak::Http1(
                |body| {
                    let half = &body[..body.len() / 2];
                    Err(format!("HTTP/1.1 200 OK\r\n\r\n{half}").into_bytes())
                },
                true,
            )
        }),
        lie("a body that the end of TLS ends", Works, &["http/1.1"], {
            Speak::Http1(close_delimited, true)
        }),
        // It looks complete, but a party that cut the connection may have cut the body, too.
        lie(
            "a body that the end of TCP ends",
            Truth::False,
            &["http/1.1"],
            Speak::Http1(close_delimited, false),
        ),
        lie("garbage after the handshake", Lost, &["h2"], {
            Speak::Tls(|tls| {
                Box::pin(async move {
                    let (mut tcp, _) = tls.into_inner();
                    let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n{}").await;
                    pending::<()>().await;
                })
            })
        }),
        lie("no TLS", Lost, &[], {
            Speak::Raw(|mut tcp| {
                Box::pin(async move {
                    let _ = tcp.write_all(&http1::whole("{}")).await;
                })
            })
        }),
        lie("a handshake that never ends", Lost, &[], {
            Speak::Raw(|mut tcp| {
                Box::pin(async move {
                    let _ = tcp.read(&mut [0; 4096]).await;
                    pending::<()>().await;
                })
            })
        }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_that_carries_something_else_carries_no_answers() {
    let identity = Arc::new(Identity::new());
    try_each(lies(), 8, async |lie, mode| {
        let world = Arc::new(Mutex::new(World::default()));
        let (listener, address) = listen().await;
        let config = identity
            .config()
            .connect_timeout(Duration::from_millis(700));
        let server = {
            let (lie, world) = (Arc::clone(&lie), Arc::clone(&world));
            let identity = Arc::clone(&identity);
            tokio::spawn(async move {
                let mut connections = 0;
                while let Ok((tcp, _)) = listener.accept().await {
                    connections += 1;
                    let lies = mode == Mode::Always || connections <= HANDSHAKES_AT_FIRST;
                    let (lie, world) = (Arc::clone(&lie), Arc::clone(&world));
                    let identity = Arc::clone(&identity);
                    tokio::spawn(async move {
                        match lies {
                            true => serve(tcp, &lie, mode, &identity, world).await,
                            false => serve_honestly(tcp, &identity, world).await,
                        }
                    });
                }
            })
        };
        let run = run(endpoint("https", address), config).await;
        server.abort();
        let wrong = judge(&run, &world.lock().unwrap(), lie.truth, mode);
        (lie.name.to_owned(), wrong)
    })
    .await;
}

async fn serve(
    tcp: TcpStream,
    lie: &Lie,
    mode: Mode,
    identity: &Identity,
    world: Arc<Mutex<World>>,
) {
    if let Speak::Raw(speak) = lie.speak {
        return speak(tcp).await;
    }
    let Ok(tls) = identity.acceptor(lie.protocols).accept(tcp).await else {
        return;
    };
    match lie.speak {
        Speak::Raw(_) => {}
        Speak::Tls(speak) => speak(tls).await,
        Speak::Http2 => serve_http2(tls, honest(), mode, world).await,
        Speak::Http1(answer, true) => {
            let _ = http1::serve(tls, lie.truth, mode, world, answer).await;
        }
        Speak::Http1(answer, false) => {
            // The end of the connection without that of TLS: what is written stays as it is.
            let unended = Unended(tls);
            let _ = http1::serve(unended, lie.truth, mode, world, answer).await;
        }
    }
}

async fn serve_honestly(tcp: TcpStream, identity: &Identity, world: Arc<Mutex<World>>) {
    if let Ok(tls) = identity.acceptor(&["h2"]).accept(tcp).await {
        serve_http2(tls, honest(), Mode::AtFirst, world).await;
    }
}

/// A stream whose end is not told.
struct Unended(TlsStream<TcpStream>);

impl tokio::io::AsyncRead for Unended {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl tokio::io::AsyncWrite for Unended {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        data: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write(context, data)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(context)
    }
}
