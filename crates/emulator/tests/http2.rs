//! HTTP/2, by prior knowledge and under TLS.

use std::sync::Arc;
use std::time::Duration;

use countermand_emulator::{Config, Fate, NewOperation, NewParent, Server, Shared, State, Tls};
use h2::Reason;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn shared(script: &str) -> (Shared, String) {
    let shared = Shared::new(Config::default().parents(0).script(script.parse().unwrap()));
    let device = NewParent::with([NewOperation::new(Fate::Cancellable)]);
    let name = shared.with(|emulator, now| emulator.add(now, device).unwrap().operations.remove(0));
    (shared, name)
}

async fn connect(server: &Server) -> SendRequest<bytes::Bytes> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (client, connection) = h2::client::Builder::new().handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A cancel on a connection of its own; the status or the HTTP/2 error.
async fn cancel(client: SendRequest<bytes::Bytes>, name: &str) -> Result<u16, h2::Error> {
    let request = Request::post(format!("http://localhost/v1/{name}:cancel"))
        .header("authorization", "Bearer emulator-token")
        .body(())
        .unwrap();
    let (response, _) = client.ready().await?.send_request(request, true)?;
    let answer = tokio::time::timeout(Duration::from_secs(10), response)
        .await
        .expect("an answer in time");
    Ok(answer?.status().as_u16())
}

#[tokio::test]
async fn streams_are_refused_calmed_and_sent_away() {
    for (fault, reason, remote) in [
        ("refused-stream", Some(Reason::REFUSED_STREAM), true),
        ("enhance-your-calm", Some(Reason::ENHANCE_YOUR_CALM), true),
        ("go-away", Some(Reason::NO_ERROR), true),
        ("reset-before", None, false),
    ] {
        let (shared, name) = shared(&format!(r#"[{{"fault": "{fault}"}}]"#));
        let server = Server::bind(LOOPBACK.into(), shared.clone()).await.unwrap();
        let problem = cancel(connect(&server).await, &name).await.unwrap_err();
        assert_eq!(
            (problem.reason(), problem.is_remote()),
            (reason, remote),
            "{fault}: {problem:?}"
        );
        assert_eq!(problem.is_go_away(), fault == "go-away", "{problem:?}");
        assert_eq!(problem.is_io(), fault == "reset-before", "{problem:?}");
        let state = || shared.with(|emulator, now| emulator.truth_of(now, &name).unwrap().state);
        assert_eq!(state(), State::Pending, "{fault}");
        assert_eq!(cancel(connect(&server).await, &name).await.unwrap(), 200);
        assert_eq!(state(), State::Cancelled);
    }
}

#[tokio::test]
async fn a_hundred_streams_share_one_connection() {
    let (shared, name) = shared(r#"[{"delay_ms": 20, "times": null}]"#);
    let server = Server::bind(LOOPBACK.into(), shared.clone()).await.unwrap();
    let client = connect(&server).await;
    let calls = (0..150).map(|_| cancel(client.clone(), &name));
    let statuses = futures_util::future::join_all(calls).await;
    assert!(
        statuses.iter().all(|status| matches!(status, Ok(200))),
        "{statuses:?}"
    );
    assert_eq!(server.connections(), 1);
    assert_eq!(shared.with(|emulator, _| emulator.audit().len()), 150);
}

/// A handshake for `localhost` by a client that trusts this authority; the protocol agreed on.
async fn handshake(server: &Server, trusted: &Tls) -> std::io::Result<Option<Vec<u8>>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(server.address()).await?;
    let host = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(host, stream)
        .await?;
    let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let (client, connection) = h2::client::Builder::new().handshake(stream).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(cancel(client, "nothing").await.unwrap(), 404);
    Ok(agreed)
}

#[tokio::test]
async fn tls_is_good_or_bad_as_asked() {
    let serve = async |tls: &Tls| {
        Server::bind_tls(LOOPBACK.into(), shared("[]").0, tls)
            .await
            .unwrap()
    };
    let good = Tls::localhost().unwrap();
    let server = serve(&good).await;
    assert!(server.endpoint().starts_with("https://127.0.0.1:"));
    assert_eq!(
        handshake(&server, &good).await.unwrap().as_deref(),
        Some(&b"h2"[..])
    );

    let unknown = handshake(&server, &Tls::localhost().unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        unknown.contains("UnknownIssuer") || unknown.contains("BadSignature"),
        "{unknown}"
    );
    for (bad, complaint) in [
        (
            Tls::for_host("elsewhere.test").unwrap(),
            "not valid for name",
        ),
        (Tls::expired().unwrap(), "expired"),
    ] {
        let problem = handshake(&serve(&bad).await, &bad)
            .await
            .unwrap_err()
            .to_string();
        assert!(problem.contains(complaint), "{problem}");
    }
}

#[test]
fn the_authority_is_written_without_its_key() {
    let directory =
        std::env::temp_dir().join(format!("countermand-emulator-{}", std::process::id()));
    let path = Tls::localhost().unwrap().write_to(&directory).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let files = std::fs::read_dir(&directory).unwrap().count();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(path.file_name().unwrap(), "ca.pem");
    assert!(text.starts_with("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE"));
    assert_eq!(files, 1);
}

/// An answer to HEAD has no body: with one, a client has to take the stream for broken (RFC 9113, 8.1.1).
#[tokio::test]
async fn fault_68_head_is_answered_without_a_body() {
    let (shared, name) = shared("[]");
    let server = Server::bind(LOOPBACK.into(), shared).await.unwrap();
    for (path, origin, status) in [
        (format!("/v1/{name}"), None, 404),
        ("/_emulator/truth".to_owned(), None, 404),
        (format!("/v1/{name}"), Some("http://other.example"), 403),
    ] {
        let mut request = Request::head(format!("http://localhost{path}"))
            .header("authorization", "Bearer emulator-token");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let mut client = connect(&server).await.ready().await.unwrap();
        let request = request.body(()).unwrap();
        let answer = client.send_request(request, true).unwrap().0.await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let length = answer.headers()["content-length"].to_str().unwrap();
        assert_ne!(length, "0", "{path}");
        let mut body = answer.into_body();
        assert!(body.data().await.is_none(), "{path}");
    }
}

/// A body that is too large is refused while it is sent, by an answer and not by the end of the stream alone.
#[tokio::test]
async fn fault_68_what_is_too_large_is_answered() {
    let (shared, name) = shared("[]");
    let server = Server::bind(LOOPBACK.into(), shared.clone()).await.unwrap();
    for length in [None, Some(3_000_000)] {
        let mut request = Request::post(format!("http://localhost/v1/{name}:cancel"))
            .header("authorization", "Bearer emulator-token");
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        let client = connect(&server).await;
        let mut client = client.ready().await.unwrap();
        let (response, mut body) = client
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        let sent = body.send_data(vec![b' '; 3_000_000].into(), true);
        sent.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(10), response).await;
        let answer = answer.expect("an answer in time").unwrap();
        assert_eq!(answer.status(), 413, "{length:?}");
    }
    let state = shared.with(|emulator, now| emulator.truth_of(now, &name).unwrap().state);
    assert_eq!(state, State::Pending);
}
