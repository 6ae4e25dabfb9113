//! A scheduler over several connections of HTTP/2.

use std::net::SocketAddr;
use std::time::Duration;

use crate::common::{cancel, endpoint, listen};
use bytes::Bytes;
use countermand_emulator::{Config, Fate, Script, Server, Shared};
use countermand_hyper::{
    Client, Hyper, HyperConfig, OperationName, Quota, Token, Transport, Verdict,
};
use futures_util::future::join_all;
use futures_util::stream::StreamExt;
use http::Response;
use serde_json::json;

const OPERATIONS: usize = 600;

/// Number of connections that a scheduler takes, of a server that takes `streams` requests on each;
/// all of its operations are cancelled, for the client and in truth.
async fn connections(streams: u32, config: HyperConfig) -> usize {
    let script = Script::from_value(json!([{ "delay_ms": 5, "times": null }])).unwrap();
    let fleet = Config::default()
        .parents(OPERATIONS)
        .operations(1, 0)
        .mix([(1, Fate::Cancellable)]);
    let shared = Shared::new(fleet.script(script).streams(streams));
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(here, shared.clone()).await.unwrap();
    let token = Token::new("emulator-token").unwrap();
    let endpoint = server.endpoint().parse().unwrap();
    let client = Client::connect(endpoint, token, config.http2_prior_knowledge(true));
    let client = client.unwrap().quota(Quota::unlimited());
    let names = shared.with(|emulator, now| emulator.pending(now));
    let names = names
        .into_iter()
        .map(|name| name.parse::<OperationName>().unwrap());
    let results = client.countermand_all(names).collect::<Vec<_>>().await;
    let cancelled = results.iter().filter(|(name, result)| {
        let outcome = result
            .as_ref()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        outcome.verdict == Verdict::Cancelled
    });
    assert_eq!((cancelled.count(), results.len()), (OPERATIONS, OPERATIONS));
    let truth = shared.with(|emulator, now| emulator.truth(now));
    assert_eq!(truth.iter().filter(|row| row.cancelled).count(), OPERATIONS);
    server.connections()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_spread_when_a_connection_is_full() {
    assert_eq!(
        connections(10, HyperConfig::default().connections(3)).await,
        3
    );
    assert_eq!(
        connections(1, HyperConfig::default().connections(99)).await,
        16
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_is_enough_unless_it_is_full_and_more_are_allowed() {
    assert_eq!(connections(10, HyperConfig::default()).await, 1);
    assert_eq!(
        connections(10, HyperConfig::default().connections(0)).await,
        1
    );
    assert_eq!(
        connections(250, HyperConfig::default().connections(3)).await,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_10_a_scheduler_over_one_stream_at_a_time_comes_to_its_end() {
    assert_eq!(connections(1, HyperConfig::default()).await, 1);
}

/// A server that is closed to others once it has one connection.
#[tokio::test]
async fn a_connection_that_cannot_be_made_costs_nothing() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut builder = h2::server::Builder::new();
        builder.max_concurrent_streams(2);
        let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
        let mut answered = 0;
        while let Some(Ok((_, mut response))) = connection.accept().await {
            let mut body = response.send_response(Response::new(()), false).unwrap();
            body.send_data(Bytes::from_static(b"{}"), true).unwrap();
            answered += 1;
        }
        answered
    });
    let endpoint = endpoint("http", address);
    let config = HyperConfig::default().http2_prior_knowledge(true);
    let hyper = Hyper::new(&endpoint, config.connections(4)).unwrap();
    for _ in 0..10 {
        for answer in join_all((0..20).map(|_| hyper.send(cancel(&endpoint)))).await {
            assert_eq!(answer.unwrap().status(), 200);
        }
    }
    drop(hyper);
    // The last connection goes with the last hand on it.
    let answered = tokio::time::timeout(Duration::from_secs(10), server).await;
    assert_eq!(answered.unwrap().unwrap(), 200);
}
