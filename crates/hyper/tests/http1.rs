//! `Hyper` over HTTP/1.1, against servers that write bytes by hand.

use std::time::{Duration, Instant};

use crate::common::{self, cancel, endpoint, listen, read_head, serve};
use countermand_core::text::chain;
use countermand_hyper::{
    Endpoint, Hyper, HyperConfig, Transmit, Transport, TransportError, TransportErrorKind,
};
use tokio::io::AsyncWriteExt;

fn hyper(endpoint: &Endpoint) -> Hyper {
    Hyper::new(endpoint, HyperConfig::default()).unwrap()
}

async fn fail(endpoint: &Endpoint, transmit: Transmit) -> TransportError {
    hyper(endpoint).send(transmit).await.unwrap_err()
}

#[tokio::test]
async fn sends_an_empty_body_with_its_length_and_asks_for_no_compression() {
    let (listener, address) = listen().await;
    let endpoint = endpoint("http", address);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            .await
            .unwrap();
        head
    });
    let response = hyper(&endpoint).send(cancel(&endpoint)).await.unwrap();
    assert_eq!(response.body(), "{}");
    let head = server.await.unwrap();
    let expected = format!("POST /v1/{}:cancel HTTP/1.1\r\n", common::NAME);
    assert!(head.starts_with(&expected), "{head}");
    let version = env!("CARGO_PKG_VERSION");
    for header in [
        "content-length: 0".to_owned(),
        format!("host: {address}"),
        format!("user-agent: countermand/{version}"),
    ] {
        assert!(head.contains(&format!("\r\n{header}\r\n")), "{head}");
    }
    assert!(!head.contains("encoding"), "{head}");
}

#[tokio::test]
async fn the_program_stands_before_the_product_in_the_user_agent() {
    let (listener, address) = listen().await;
    let endpoint = endpoint("http", address);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await
    });
    let config = HyperConfig::default().user_agent("rescue/1.0");
    let hyper = Hyper::new(&endpoint, config).unwrap();
    assert!(hyper.send(cancel(&endpoint)).await.is_err());
    let head = server.await.unwrap();
    let expected = concat!(
        "user-agent: rescue/1.0 countermand/",
        env!("CARGO_PKG_VERSION")
    );
    assert!(head.contains(&format!("\r\n{expected}\r\n")), "{head}");
    let config = HyperConfig::default().user_agent("a\nb");
    assert!(Hyper::new(&endpoint, config).is_err());
}

#[tokio::test]
async fn one_connection_serves_request_after_request() {
    let (listener, address) = listen().await;
    let endpoint = endpoint("http", address);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut served = 0;
        while !read_head(&mut stream).await.is_empty() {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .await
                .unwrap();
            served += 1;
        }
        served
    });
    let hyper = hyper(&endpoint);
    for _ in 0..3 {
        hyper.send(cancel(&endpoint)).await.unwrap();
    }
    drop(hyper);
    assert_eq!(server.await.unwrap(), 3);
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_nothing() {
    let endpoint = serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let hyper = hyper(&endpoint);
    for _ in 0..20 {
        match hyper.send(cancel(&endpoint)).await {
            Ok(response) => assert_eq!(response.status(), 200),
            // The close may cross the request on the wire; then its fate is unknown.
            Err(error) => assert_eq!(error.kind(), TransportErrorKind::ConnectionLost),
        }
    }
}

#[tokio::test]
async fn fault_25_a_redirect_is_an_answer() {
    let (other, address) = listen().await;
    let redirect =
        format!("HTTP/1.1 302 Found\r\nlocation: http://{address}/\r\ncontent-length: 0\r\n\r\n");
    let endpoint = serve(redirect).await;
    let response = hyper(&endpoint).send(cancel(&endpoint)).await.unwrap();
    assert_eq!(response.status(), 302);
    drop(other);
}

#[tokio::test]
async fn fault_28_a_gzip_body_stays_as_it_is() {
    let endpoint =
        serve("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f~~~")
            .await;
    let response = hyper(&endpoint).send(cancel(&endpoint)).await.unwrap();
    assert_eq!(response.body(), "\x1f~~~");
}

#[tokio::test]
async fn plain_http_is_for_this_machine() {
    let far: Endpoint = "http://192.0.2.1".parse().unwrap();
    let error = Hyper::new(&far, HyperConfig::default()).unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::NotAllowed);
    assert!(chain(&error).contains("192.0.2.1"), "{}", chain(&error));
    Hyper::new(&far, HyperConfig::default().allow_plaintext(true)).unwrap();
}

#[tokio::test]
async fn a_request_for_another_server_is_not_sent() {
    let (listener, address) = listen().await;
    let (ours, theirs) = (
        endpoint("http", address),
        "http://127.0.0.1:9".parse().unwrap(),
    );
    let error = fail(&ours, cancel(&theirs)).await;
    assert_eq!(error.kind(), TransportErrorKind::NotAllowed);
    drop(listener);
}

#[tokio::test]
async fn fault_01_a_refused_connection_names_the_host() {
    let (listener, address) = listen().await;
    drop(listener);
    let endpoint = endpoint("http", address);
    let error = fail(&endpoint, cancel(&endpoint)).await;
    assert_eq!(error.kind(), TransportErrorKind::Connect);
    assert!(
        chain(&error).contains(&address.to_string()),
        "{}",
        chain(&error)
    );
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
#[test]
fn https_without_tls_is_forbidden() {
    let error = Hyper::new(&Endpoint::default(), HyperConfig::default()).unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::NotAllowed);
    assert!(
        chain(&error).contains("built without TLS"),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn fault_02_what_was_sent_and_not_answered_is_lost() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "SMTP ready\r\n\r\n",
    ] {
        let endpoint = serve(answer).await;
        let error = fail(&endpoint, cancel(&endpoint)).await;
        assert_eq!(error.kind(), TransportErrorKind::ConnectionLost, "{answer}");
    }
}

#[tokio::test]
async fn fault_11_a_header_list_of_a_mebibyte_is_dropped() {
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    while answer.len() < 1 << 20 {
        answer.extend_from_slice(b"x-filler: 0123456789012345678901234567890123456789\r\n");
    }
    answer.extend_from_slice(b"content-length: 2\r\n\r\n{}");
    let endpoint = serve(answer).await;
    let error = fail(&endpoint, cancel(&endpoint)).await;
    assert_eq!(
        error.kind(),
        TransportErrorKind::ConnectionLost,
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn fault_27_a_body_over_the_cap_is_cut() {
    let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..100 {
        chunked.extend_from_slice(b"40\r\n");
        chunked.extend_from_slice(&[b'x'; 64]);
        chunked.extend_from_slice(b"\r\n");
    }
    let mut unbounded = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    unbounded.extend_from_slice(&[b'x'; 4096]);
    for answer in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{}".to_vec(),
        chunked,
        unbounded,
    ] {
        let endpoint = serve(answer).await;
        let hyper = Hyper::new(&endpoint, HyperConfig::default().body_cap(1024)).unwrap();
        let error = hyper.send(cancel(&endpoint)).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::TooLarge);
    }
}

#[tokio::test]
async fn faults_05_and_06_the_time_out_covers_head_and_body() {
    for beginning in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
        let (listener, address) = listen().await;
        let endpoint = endpoint("http", address);
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            stream.write_all(beginning.as_bytes()).await.unwrap();
            // Ends when the client gives up.
            read_head(&mut stream).await
        });
        let mut transmit = cancel(&endpoint);
        transmit.timeout = Duration::from_millis(500);
        let begun = Instant::now();
        let error = fail(&endpoint, transmit).await;
        assert_eq!(error.kind(), TransportErrorKind::TimedOut, "{beginning}");
        assert!(begun.elapsed() >= Duration::from_millis(500));
        assert_eq!(server.await.unwrap(), "");
    }
}

/// Bytes after the announced length are no answer to anything: they would be another request's.
#[tokio::test]
async fn fault_27_what_follows_a_body_is_nobodys_answer() {
    let (listener, address) = listen().await;
    let endpoint = endpoint("http", address);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while !read_head(&mut stream).await.is_empty() {
                    let two = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}\
                               HTTP/1.1 403 Forbidden\r\ncontent-length: 8\r\n\r\nsmuggled";
                    // The client may have hung up already.
                    let _ = stream.write_all(two.as_bytes()).await;
                }
            });
        }
    });
    let hyper = hyper(&endpoint);
    for _ in 0..20 {
        match hyper.send(cancel(&endpoint)).await {
            Ok(response) => assert_eq!(
                (response.status().as_u16(), response.body().as_ref()),
                (200, &b"{}"[..])
            ),
            Err(error) => assert_eq!(
                error.kind(),
                TransportErrorKind::ConnectionLost,
                "{}",
                chain(&error)
            ),
        }
    }
}
