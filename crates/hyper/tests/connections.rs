//! A scheduler over several connections of HTTP/2.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{cancel, endpoint, listen};
use bytes::Bytes;
use countermand_emulator::{Config, Fate, Script, Server, Shared};
use countermand_hyper::{
    Client, Endpoint, Hyper, HyperConfig, OperationName, Quota, Token, Transport, Transports,
    Verdict,
};
use futures_util::future::{join_all, pending};
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

/// A request that came: the number of its connection, the id of its enterprise, and its token.
type Came = (usize, String, String);

/// A server of HTTP/2 that takes 10 requests at a time on a connection, and answers none about the enterprise `stalls`.
async fn shared_server() -> (Endpoint, Arc<Mutex<Vec<Came>>>) {
    let (listener, address) = listen().await;
    let came = Arc::new(Mutex::new(Vec::new()));
    let told = came.clone();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let came = came.clone();
            tokio::spawn(async move {
                let mut builder = h2::server::Builder::new();
                builder.max_concurrent_streams(10);
                let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
                while let Some(Ok((request, mut response))) = connection.accept().await {
                    let enterprise = request.uri().path().split('/').nth(3).unwrap().to_owned();
                    let token = request.headers()["authorization"].to_str().unwrap();
                    let stalls = enterprise == "stalls";
                    let row = (number, enterprise, token.to_owned());
                    came.lock().unwrap().push(row);
                    tokio::spawn(async move {
                        if stalls {
                            pending::<()>().await;
                        }
                        let mut body = response.send_response(Response::new(()), false).unwrap();
                        body.send_data(Bytes::from_static(b"{}"), true).unwrap();
                    });
                }
            });
        }
    });
    (endpoint("http", address), told)
}

fn config() -> HyperConfig {
    HyperConfig::default().http2_prior_knowledge(true)
}

/// A client with the token of its enterprise.
fn client(
    transports: &Transports,
    endpoint: &Endpoint,
    config: HyperConfig,
    owner: &str,
) -> Client {
    let transport = transports.to(endpoint, config).unwrap();
    let token = Token::new(&format!("token-of-{owner}")).unwrap();
    Client::over(transport, token).unwrap()
}

/// Cancels so many operations of an enterprise at a time.
async fn cancel_some(client: &Client, enterprise: &str, count: usize) {
    let names = (0..count).map(|at| format!("enterprises/{enterprise}/devices/d/operations/{at}"));
    let names: Vec<OperationName> = names.map(|name| name.parse().unwrap()).collect();
    for result in join_all(names.iter().map(|name| client.cancel(name))).await {
        result.unwrap();
    }
}

#[tokio::test]
async fn fault_57_clients_that_share_a_connection_send_each_its_own_token() {
    let (endpoint, came) = shared_server().await;
    let transports = Transports::default();
    let clients = ["a", "b", "c"].map(|of| (of, client(&transports, &endpoint, config(), of)));
    for _ in 0..20 {
        let all = clients.iter();
        join_all(all.map(|(of, client)| cancel_some(client, of, 2))).await;
    }
    let came = came.lock().unwrap();
    assert_eq!(came.len(), 120);
    for (connection, of, token) in &*came {
        assert_eq!((*connection, token), (0, &format!("Bearer token-of-{of}")));
    }
}

#[tokio::test]
async fn clients_with_other_settings_or_another_endpoint_share_no_connection() {
    let (endpoint, came) = shared_server().await;
    let transports = Transports::default();
    let path: Endpoint = format!("{endpoint}/behind").parse().unwrap();
    let file = std::env::current_exe().unwrap();
    let others = [
        (&endpoint, config()),
        (&endpoint, config().ca_file(&file)),
        (&endpoint, config().client_certificate("a.pem", "a.key")),
        (&endpoint, config().client_certificate("b.pem", "b.key")),
        (&endpoint, config().proxy("http://127.0.0.1:9", "")),
        (&endpoint, config().proxy_from_env(true)),
        (
            &endpoint,
            config().resolver(|_| async { Ok(vec![[127, 0, 0, 1].into()]) }),
        ),
        (&path, config()),
    ];
    for round in 1..3 {
        for (at, (endpoint, config)) in others.iter().enumerate() {
            let client = client(&transports, endpoint, config.clone(), "a");
            cancel_some(&client, "a", 1).await;
            let came = came.lock().unwrap();
            assert_eq!(came.last().unwrap().0, at, "round {round}");
        }
    }
}

/// One client has as many requests without an answer as a connection takes; the other does not notice.
#[tokio::test]
async fn a_client_that_stalls_takes_no_stream_of_another() {
    let (endpoint, came) = shared_server().await;
    let transports = Transports::default();
    let [stalled, other] = ["stalls", "b"].map(|of| client(&transports, &endpoint, config(), of));
    cancel_some(&other, "b", 1).await;
    let stalled = tokio::spawn(async move { cancel_some(&stalled, "stalls", 10).await });
    let came_of = |of: &str| {
        let came = came.lock().unwrap();
        came.iter().filter(|row| row.1 == of).count()
    };
    while came_of("stalls") < 10 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..5 {
        let in_time = Duration::from_secs(5);
        let answered = tokio::time::timeout(in_time, cancel_some(&other, "b", 10)).await;
        assert!(answered.is_ok());
    }
    assert_eq!((came_of("stalls"), came_of("b")), (10, 51));
    assert_eq!(came.lock().unwrap().iter().map(|row| row.0).max(), Some(1));
    stalled.abort();
}
