//! Ways to a server that lead nowhere (faults 3 and 37).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::black_hole::BlackHole;
use crate::common::{self, cancel, endpoint, listen, read_head};
use countermand_core::text::chain;
use countermand_hyper::{
    Client, Endpoint, Hyper, HyperConfig, Policy, Transport, TransportError, TransportErrorKind,
};
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Answers every client over HTTP/1.1.
fn answer_all(listener: TcpListener) {
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while !read_head(&mut stream).await.is_empty() {
                    let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                    stream.write_all(ok).await.unwrap();
                }
            });
        }
    });
}

/// A server that has a name, and settings that know its addresses.
fn named(port: u16, addresses: Vec<IpAddr>) -> (Endpoint, HyperConfig) {
    let endpoint = format!("http://api.example:{port}").parse().unwrap();
    let config = HyperConfig::default()
        .allow_plaintext(true)
        .resolver(move |host| {
            assert_eq!(host, "api.example");
            std::future::ready(Ok(addresses.clone()))
        });
    (endpoint, config)
}

async fn fail(endpoint: &Endpoint, config: HyperConfig) -> TransportError {
    let hyper = Hyper::new(endpoint, config).unwrap();
    hyper.send(cancel(endpoint)).await.unwrap_err()
}

#[tokio::test]
async fn fault_03_connect_black_hole_ends_after_3_seconds_for_everybody_at_once() {
    let hole = BlackHole::here();
    let endpoint = endpoint("http", hole.address);
    for http2 in [false, true] {
        let config = HyperConfig::default().http2_prior_knowledge(http2);
        let hyper = Hyper::new(&endpoint, config).unwrap();
        let begun = Instant::now();
        for result in join_all((0..20).map(|_| hyper.send(cancel(&endpoint)))).await {
            let error = result.unwrap_err();
            let text = chain(&error);
            assert_eq!(error.kind(), TransportErrorKind::Connect, "{text}");
            assert!(text.contains(&hole.address.to_string()), "{text}");
        }
        let took = begun.elapsed();
        // Not twenty time-outs one after the other.
        let least = Duration::from_millis(2900);
        assert!(least <= took && took < 3 * least, "{took:?}");
    }
}

#[tokio::test]
async fn fault_03_connect_black_hole_that_opens_is_found_by_the_retry() {
    let hole = BlackHole::here();
    let endpoint = endpoint("http", hole.address);
    let config = HyperConfig::default().connect_timeout(Duration::from_millis(300));
    let hyper = Hyper::new(&endpoint, config).unwrap();
    hyper.send(cancel(&endpoint)).await.unwrap_err();
    let listener = hole.open();
    listener.set_nonblocking(true).unwrap();
    answer_all(TcpListener::from_std(listener).unwrap());
    let policy = Policy::default().backoff(Duration::from_millis(10), Duration::from_millis(50));
    let client = Client::new(hyper).endpoint(endpoint).policy(policy);
    client.cancel(&common::name()).await.unwrap();
}

#[tokio::test]
async fn fault_37_ipv6_black_hole_falls_back_to_ipv4() {
    let (listener, address) = listen().await;
    let hole = match BlackHole::new((V6, address.port()).into()) {
        Ok(hole) => hole,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => panic!("try again: {error}"),
        // This machine has no IPv6, so nothing of it can be black-holed.
        Err(_) => return,
    };
    answer_all(listener);
    let (endpoint, config) = named(hole.address.port(), vec![V6, V4]);
    let hyper = Hyper::new(&endpoint, config).unwrap();
    let begun = Instant::now();
    let response = hyper.send(cancel(&endpoint)).await.unwrap();
    assert_eq!(response.body(), "{}");
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(200),
        "{took:?}: the hole was not tried"
    );
    assert!(
        took < Duration::from_secs(3),
        "{took:?}: it waited for the hole"
    );
}

#[tokio::test]
async fn fault_37_ipv6_refused_falls_back_at_once() {
    let (listener, address) = listen().await;
    answer_all(listener);
    let (endpoint, config) = named(address.port(), vec![V6, V4]);
    let hyper = Hyper::new(&endpoint, config).unwrap();
    assert_eq!(hyper.send(cancel(&endpoint)).await.unwrap().body(), "{}");
}

#[tokio::test]
async fn fault_37_the_second_address_is_tried_when_the_first_is_a_black_hole() {
    let second = IpAddr::from([127, 0, 0, 2]);
    let hole = BlackHole::here();
    let listener = TcpListener::bind(SocketAddr::from((second, hole.address.port()))).await;
    answer_all(listener.unwrap());
    let (endpoint, config) = named(hole.address.port(), vec![V4, second]);
    let hyper = Hyper::new(&endpoint, config).unwrap();
    assert_eq!(hyper.send(cancel(&endpoint)).await.unwrap().body(), "{}");
}

#[tokio::test]
async fn fault_37_slow_name_resolution_is_covered_by_the_connect_time_out() {
    let endpoint: Endpoint = "http://api.example:9".parse().unwrap();
    let config = HyperConfig::default()
        .allow_plaintext(true)
        .connect_timeout(Duration::from_millis(300))
        .resolver(|_| std::future::pending());
    let begun = Instant::now();
    let error = fail(&endpoint, config).await;
    let text = chain(&error);
    assert_eq!(error.kind(), TransportErrorKind::Connect, "{text}");
    assert!(text.contains("api.example"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn fault_37_a_name_nobody_knows_is_named_and_asked_for_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let endpoint: Endpoint = "https://api.example".parse().unwrap();
    let config = HyperConfig::default().resolver(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        // The error of getaddrinfo for NXDOMAIN.
        async {
            Err(io::Error::other(
                "failed to lookup address information: Name or service not known",
            ))
        }
    });
    let policy = Policy::default()
        .max_attempts(3)
        .backoff(Duration::from_millis(1), Duration::from_millis(5));
    let hyper = Hyper::new(&endpoint, config).unwrap();
    let client = Client::new(hyper).endpoint(endpoint).policy(policy);
    let error = client.get(&common::name()).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.contains("api.example") && text.contains("not known"),
        "{text}"
    );
    assert_eq!(
        (error.attempts(), asked.load(Ordering::Relaxed)),
        (0, 3),
        "{text}"
    );
}

#[tokio::test]
async fn fault_37_a_name_without_addresses_is_named() {
    let (endpoint, config) = named(9, Vec::new());
    let error = fail(&endpoint, config).await;
    let text = chain(&error);
    assert_eq!(error.kind(), TransportErrorKind::Connect, "{text}");
    assert!(
        text.contains("api.example") && text.contains("no address"),
        "{text}"
    );
}

#[tokio::test]
async fn fault_37_the_operating_system_is_asked_and_the_host_named() {
    // A label this long is no name anywhere, so no name server has to be asked.
    let host = format!("{}.invalid", "x".repeat(64));
    let endpoint: Endpoint = format!("http://{host}").parse().unwrap();
    let error = fail(&endpoint, HyperConfig::default().allow_plaintext(true)).await;
    assert_eq!(error.kind(), TransportErrorKind::Connect);
    assert!(chain(&error).contains(&host), "{}", chain(&error));
}
