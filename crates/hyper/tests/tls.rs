//! `Hyper` over TLS: whom it trusts, and what it says when it does not.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{self, cancel, endpoint, listen};
use bytes::Bytes;
use countermand_core::text::chain;
use countermand_hyper::{
    Client, Endpoint, Hyper, HyperConfig, Policy, Transport, TransportError, TransportErrorKind,
};
use http::Response;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, SupportedProtocolVersion, crypto, version};

/// A certificate authority and the file that names it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let name = format!("authority {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), issuer.pem()).unwrap();
        Self { issuer, file }
    }

    fn config(&self) -> HyperConfig {
        HyperConfig::default().ca_file(self.file.path())
    }

    /// A server that answers `{}` over either protocol; counts the requests it saw.
    async fn serve(&self, host: &str, expired: bool) -> (SocketAddr, Arc<AtomicUsize>) {
        self.serve_versions(host, expired, rustls::DEFAULT_VERSIONS)
            .await
    }

    fn acceptor(
        &self,
        host: &str,
        expired: bool,
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let provider = Arc::new(crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    async fn serve_versions(
        &self,
        host: &str,
        expired: bool,
        versions: &[&'static SupportedProtocolVersion],
    ) -> (SocketAddr, Arc<AtomicUsize>) {
        let acceptor = self.acceptor(host, expired, versions);
        let (listener, address) = listen().await;
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    let counter = Arc::clone(&counter);
                    tokio::spawn(async move {
                        let mut connection = h2::server::handshake(stream).await.unwrap();
                        while let Some(Ok((_, mut response))) = connection.accept().await {
                            counter.fetch_add(1, Ordering::Relaxed);
                            let body = Response::builder().header("x-protocol", "h2").body(());
                            let mut body = response.send_response(body.unwrap(), false).unwrap();
                            body.send_data(Bytes::from_static(b"{}"), true).unwrap();
                        }
                    });
                } else if stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    counter.fetch_add(1, Ordering::Relaxed);
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                    stream.write_all(answer).await.unwrap();
                }
            }
        });
        (address, requests)
    }
}

async fn fail(endpoint: &Endpoint, config: HyperConfig) -> TransportError {
    let hyper = Hyper::new(endpoint, config).unwrap();
    hyper.send(cancel(endpoint)).await.unwrap_err()
}

#[tokio::test]
async fn speaks_http_2_unless_told_not_to() {
    let authority = Authority::new();
    let (address, requests) = authority.serve("127.0.0.1", false).await;
    let endpoint = endpoint("https", address);
    let both = Hyper::new(&endpoint, authority.config()).unwrap();
    let response = both.send(cancel(&endpoint)).await.unwrap();
    assert_eq!(response.headers()["x-protocol"], "h2");
    let old = Hyper::new(&endpoint, authority.config().http1_only(true)).unwrap();
    let response = old.send(cancel(&endpoint)).await.unwrap();
    assert!(!response.headers().contains_key("x-protocol"));
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn fault_04_refuses_another_host_an_expired_certificate_and_an_unknown_authority() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for (host, expired, config, reason) in [
        ("other.example", false, ours.config(), "not valid for name"),
        ("127.0.0.1", true, ours.config(), "expired"),
        ("127.0.0.1", false, theirs.config(), "UnknownIssuer"),
    ] {
        let (address, requests) = ours.serve(host, expired).await;
        let error = fail(&endpoint("https", address), config).await;
        let text = chain(&error);
        assert_eq!(error.kind(), TransportErrorKind::Tls, "{text}");
        assert!(
            text.contains("127.0.0.1") && text.contains(reason),
            "{text}"
        );
        assert_eq!(requests.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn speaks_tls_1_2_and_1_3() {
    let authority = Authority::new();
    for version in [&version::TLS12, &version::TLS13] {
        let (address, _) = authority
            .serve_versions("127.0.0.1", false, &[version])
            .await;
        let endpoint = endpoint("https", address);
        let hyper = Hyper::new(&endpoint, authority.config()).unwrap();
        let response = hyper.send(cancel(&endpoint)).await.unwrap();
        assert_eq!(response.headers()["x-protocol"], "h2", "{version:?}");
    }
}

/// A ServerHello that chooses TLS 1.1, as a server that knows nothing newer gives it.
#[tokio::test]
async fn fault_04_tls_1_1_is_refused_once_and_no_request_byte_is_sent() {
    let mut hello = vec![2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    // No session, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, no compression.
    hello.extend([0, 0xc0, 0x14, 0]);
    let mut record = vec![0x16, 3, 2, 0, hello.len() as u8];
    record.extend(hello);
    let (listener, address) = listen().await;
    let (ears, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The ClientHello, of which one record is sent.
            let mut head = [0; 5];
            stream.read_exact(&mut head).await.unwrap();
            let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            stream.write_all(&record).await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            ears.send(rest).unwrap();
        }
    });
    let authority = Authority::new();
    let endpoint = endpoint("https", address);
    let hyper = Hyper::new(&endpoint, authority.config()).unwrap();
    let client = Client::new(hyper).endpoint(endpoint);
    let error = client.countermand(&common::name()).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.contains("127.0.0.1") && text.contains("incompatible"),
        "{text}"
    );
    assert_eq!(
        (error.attempts(), error.maybe_delivered()),
        (0, false),
        "{text}"
    );
    // Nothing but an alert (21, 2 bytes long) followed the hello, and there was one connection.
    let rest = heard.recv().await.unwrap();
    assert!(rest.first() == Some(&21) && rest.len() == 7, "{rest:?}");
    assert!(heard.try_recv().is_err(), "another connection");
}

#[tokio::test]
async fn fault_04_distrust_ends_a_countermand_at_once() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (address, requests) = ours.serve("127.0.0.1", false).await;
    let endpoint = endpoint("https", address);
    let hyper = Hyper::new(&endpoint, theirs.config()).unwrap();
    let client = Client::new(hyper).endpoint(endpoint);
    let error = client.countermand(&common::name()).await.unwrap_err();
    assert_eq!(
        (error.attempts(), error.maybe_delivered()),
        (0, false),
        "{}",
        chain(&error)
    );
    assert_eq!(requests.load(Ordering::Relaxed), 0);
}

/// GOAWAY, last stream 0, NO_ERROR, encrypted: the request is repeated, and costs no attempt.
#[tokio::test]
async fn fault_08_a_goaway_under_tls_is_resent_without_cost() {
    let authority = Authority::new();
    let (listener, address) = listen().await;
    let acceptor = authority.acceptor("127.0.0.1", false, rustls::DEFAULT_VERSIONS);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut first = acceptor.accept(stream).await.unwrap();
        // SETTINGS; then, when the request's frames have begun to come, the farewell.
        first.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut seen = Vec::new();
        let headers_came = |seen: &[u8]| {
            let mut rest = seen.get(24..).unwrap_or_default();
            while let [a, b, c, kind, ..] = *rest {
                if kind == 1 {
                    return true;
                }
                let length = u32::from_be_bytes([0, a, b, c]) as usize;
                rest = rest.get(9 + length..).unwrap_or_default();
            }
            false
        };
        while !headers_came(&seen) {
            first.read_buf(&mut seen).await.unwrap();
        }
        let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        first.write_all(&goaway).await.unwrap();
        first.flush().await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let second = acceptor.accept(stream).await.unwrap();
        let mut connection = h2::server::handshake(second).await.unwrap();
        while let Some(Ok((_, mut response))) = connection.accept().await {
            let mut body = response.send_response(Response::new(()), false).unwrap();
            body.send_data(Bytes::from_static(b"{}"), true).unwrap();
        }
    });
    let endpoint = endpoint("https", address);
    let hyper = Hyper::new(&endpoint, authority.config()).unwrap();
    let client = Client::new(hyper).endpoint(endpoint);
    let client = client.policy(Policy::default().max_attempts(1));
    client.cancel(&common::name()).await.unwrap();
}

#[tokio::test]
async fn fault_04_only_what_cannot_pass_is_an_error_of_trust() {
    use TransportErrorKind::{Connect, Tls};
    // The last byte of an alert is its description.
    let alert = |description| vec![0x15, 3, 1, 0, 2, 2, description];
    for (answer, kind) in [
        (alert(40), Tls),     // handshake_failure
        (alert(42), Tls),     // bad_certificate
        (alert(48), Tls),     // unknown_ca
        (alert(49), Tls),     // access_denied
        (alert(70), Tls),     // protocol_version: it speaks only TLS 1.1
        (alert(71), Tls),     // insufficient_security
        (alert(116), Tls),    // certificate_required
        (alert(10), Connect), // unexpected_message
        (alert(20), Connect), // bad_record_mac
        (alert(80), Connect), // internal_error
        (alert(90), Connect), // user_canceled
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Connect),
        (Vec::new(), Connect), // the end
    ] {
        let (listener, address) = listen().await;
        let bytes = answer.clone();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            stream.shutdown().await.unwrap();
            // Reads until the client hangs up, so that the answer is not lost in a reset.
            while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
        });
        let authority = Authority::new();
        let error = fail(&endpoint("https", address), authority.config()).await;
        assert_eq!(error.kind(), kind, "{answer:?}: {}", chain(&error));
        assert!(chain(&error).contains("127.0.0.1"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn fault_03_a_server_that_never_shakes_hands_costs_everybody_one_connect_time_out() {
    let (listener, address) = listen().await;
    let endpoint = endpoint("https", address);
    let timeout = Duration::from_millis(300);
    let authority = Authority::new();
    let config = authority.config().connect_timeout(timeout);
    let hyper = Hyper::new(&endpoint, config).unwrap();
    let begun = Instant::now();
    let sent = (0..20).map(|_| hyper.send(cancel(&endpoint)));
    for result in futures_util::future::join_all(sent).await {
        let error = result.unwrap_err();
        assert_eq!(
            error.kind(),
            TransportErrorKind::Connect,
            "{}",
            chain(&error)
        );
        assert!(
            chain(&error).contains(&address.to_string()),
            "{}",
            chain(&error)
        );
    }
    assert!(begun.elapsed() >= timeout && begun.elapsed() < 10 * timeout);
    drop(listener);
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_named() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    for path in [empty.path(), std::path::Path::new("/nonexistent/ca.pem")] {
        let config = HyperConfig::default().ca_file(path);
        let error = Hyper::new(&Endpoint::default(), config).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Tls);
        assert!(
            chain(&error).contains(path.to_str().unwrap()),
            "{}",
            chain(&error)
        );
    }
}
