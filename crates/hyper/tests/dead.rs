//! Connections that die without a word (fault 7): behind a relay that stops, and, with
//! `make net`, in a network of their own that loses every packet.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{self, cancel, listen};
use countermand_core::text::chain;
use countermand_emulator::{Config, Fate, Server, Shared, Tls};
use countermand_hyper::{
    Client, Endpoint, Hyper, HyperConfig, OperationName, Quota, Token, Transport,
    TransportErrorKind, Verdict,
};
use futures_util::stream::StreamExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// An emulator with TLS and so many pending operations, and settings that trust it.
struct World {
    shared: Shared,
    server: Server,
    config: HyperConfig,
    _authority: tempfile::TempDir,
}

async fn world(operations: usize) -> World {
    let shared = Shared::new(
        Config::default()
            .parents(operations)
            .operations(1, 0)
            .mix([(1, Fate::Cancellable)]),
    );
    let tls = Tls::localhost().unwrap();
    let authority = tempfile::tempdir().unwrap();
    let config = HyperConfig::default().ca_file(tls.write_to(authority.path()).unwrap());
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    World {
        server: Server::bind_tls(here, shared.clone(), &tls).await.unwrap(),
        shared,
        config,
        _authority: authority,
    }
}

impl World {
    fn client(&self, endpoint: &Endpoint, config: HyperConfig) -> Client {
        let token = Token::new("emulator-token").unwrap();
        Client::connect(endpoint.clone(), token, config).unwrap()
    }

    fn names(&self) -> Vec<OperationName> {
        let names = self.shared.with(|emulator, now| emulator.pending(now));
        names.iter().map(|name| name.parse().unwrap()).collect()
    }
}

/// Relays until it is told to stop; then the connections it has stay open, and nothing comes
/// through them any more. New ones are as good as ever.
async fn relay(to: SocketAddr) -> (SocketAddr, watch::Sender<()>) {
    let (listener, address) = listen().await;
    let (stop, stopped) = watch::channel(());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let mut stopped = stopped.clone();
            stopped.mark_unchanged();
            let mut far = TcpStream::connect(to).await.unwrap();
            kept.push(tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
                    _ = stopped.changed() => {}
                }
                // Both ends stay open.
                std::future::pending::<()>().await;
                drop((near, far));
            }));
        }
    });
    (address, stop)
}

#[tokio::test]
async fn fault_07_pings_find_a_dead_connection_and_the_next_request_has_a_new_one() {
    let world = world(1).await;
    let (address, stop) = relay(world.server.address()).await;
    let endpoint = common::endpoint("https", address);
    let quarter = Duration::from_millis(250);
    let config = world.config.clone().pings(quarter, quarter);
    let hyper = Hyper::new(&endpoint, config.clone()).unwrap();
    assert_eq!(hyper.send(cancel(&endpoint)).await.unwrap().status(), 401);
    stop.send(()).unwrap();
    let mut patient = cancel(&endpoint);
    patient.timeout = Duration::from_secs(120);
    let begun = Instant::now();
    let error = hyper.send(patient).await.unwrap_err();
    assert_eq!(
        error.kind(),
        TransportErrorKind::ConnectionLost,
        "{}",
        chain(&error)
    );
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(hyper.send(cancel(&endpoint)).await.unwrap().status(), 401);
    assert_eq!(world.server.connections(), 2);
}

/// Outcome of a whole countermand over it.
#[tokio::test]
async fn fault_07_a_countermand_over_a_dead_connection_comes_to_its_end() {
    let world = world(2).await;
    let (address, stop) = relay(world.server.address()).await;
    let endpoint = common::endpoint("https", address);
    let quarter = Duration::from_millis(250);
    let client = world.client(&endpoint, world.config.clone().pings(quarter, quarter));
    for name in world.names() {
        let outcome = client.countermand(&name).await.unwrap();
        assert_eq!(outcome.verdict, Verdict::Cancelled);
        stop.send(()).unwrap();
    }
}

/// Says to the test that it runs in a network of its own.
const OWN_NETWORK: &str = "COUNTERMAND_TEST_OWN_NETWORK";

/// Runs a test of this file in a network of its own, if it does not yet. Needs Linux and root.
fn in_own_network(test: &str) -> bool {
    if std::env::var_os(OWN_NETWORK).is_some() {
        shell("ip link set lo up");
        return true;
    }
    let status = Command::new("unshare")
        .arg("--net")
        .arg(std::env::current_exe().unwrap())
        .args([
            &format!("dead::{test}"),
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(OWN_NETWORK, "1")
        .status()
        .expect("unshare, of util-linux");
    assert!(status.success(), "{status}");
    false
}

fn shell(line: &str) {
    let mut words = line.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status();
    assert!(status.expect("iproute2").success(), "{line}");
}

/// From now on no packet arrives: the queue holds one byte.
fn partition() {
    shell("tc qdisc add dev lo root bfifo limit 1");
}

fn heal() {
    shell("tc qdisc del dev lo root");
}

#[tokio::test]
#[ignore = "`make net`: takes half a minute, and a network of its own"]
async fn fault_07_lost_packets_are_found_within_31_seconds() {
    if !in_own_network("fault_07_lost_packets_are_found_within_31_seconds") {
        return;
    }
    let world = world(1).await;
    let endpoint: Endpoint = world.server.endpoint().parse().unwrap();
    let hyper = Hyper::new(&endpoint, world.config.clone()).unwrap();
    assert_eq!(hyper.send(cancel(&endpoint)).await.unwrap().status(), 401);
    partition();
    let mut patient = cancel(&endpoint);
    patient.timeout = Duration::from_secs(120);
    let begun = Instant::now();
    let error = hyper.send(patient).await.unwrap_err();
    let took = begun.elapsed();
    assert_eq!(
        error.kind(),
        TransportErrorKind::ConnectionLost,
        "{}",
        chain(&error)
    );
    assert!(took <= Duration::from_secs(31), "{took:?}");
    heal();
    assert_eq!(hyper.send(cancel(&endpoint)).await.unwrap().status(), 401);
    assert_eq!(world.server.connections(), 2);
}

#[tokio::test]
#[ignore = "`make net`: needs a network of its own"]
async fn fault_03_lost_packets_end_a_connect_after_3_seconds() {
    if !in_own_network("fault_03_lost_packets_end_a_connect_after_3_seconds") {
        return;
    }
    let world = world(1).await;
    let endpoint: Endpoint = world.server.endpoint().parse().unwrap();
    let hyper = Hyper::new(&endpoint, world.config.clone()).unwrap();
    partition();
    let begun = Instant::now();
    let error = hyper.send(cancel(&endpoint)).await.unwrap_err();
    let took = begun.elapsed();
    assert_eq!(
        error.kind(),
        TransportErrorKind::Connect,
        "{}",
        chain(&error)
    );
    let three = Duration::from_secs(3);
    assert!(three <= took && took < 2 * three, "{took:?}");
    heal();
    assert_eq!(hyper.send(cancel(&endpoint)).await.unwrap().status(), 401);
}

/// 500 operations, and three times six seconds without a packet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "`make net`: needs a network of its own"]
async fn a_scheduler_outlives_partitions() {
    if !in_own_network("a_scheduler_outlives_partitions") {
        return;
    }
    let world = world(500).await;
    let endpoint: Endpoint = world.server.endpoint().parse().unwrap();
    let second = Duration::from_secs(1);
    let config = world.config.clone().pings(second, second);
    let client = world.client(&endpoint, config).in_flight(20);
    let client = client.quota(
        "40/1s"
            .parse::<Quota>()
            .unwrap()
            .share(1.0)
            .per_resource(None),
    );
    let names = world.names();
    let trouble = tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(2 * second).await;
            partition();
            tokio::time::sleep(6 * second).await;
            heal();
        }
    });
    let results = client
        .countermand_all(names.clone())
        .collect::<Vec<_>>()
        .await;
    trouble.await.unwrap();
    assert_eq!(results.len(), names.len());
    for (name, result) in &results {
        let outcome = result
            .as_ref()
            .unwrap_or_else(|error| panic!("{name}: {}", chain(error)));
        assert_eq!(outcome.verdict, Verdict::Cancelled, "{name}");
    }
    let truth = world.shared.with(|emulator, now| emulator.truth(now));
    assert_eq!(
        truth.iter().filter(|row| row.cancelled).count(),
        names.len()
    );
    assert!(world.server.connections() > 1);
}
