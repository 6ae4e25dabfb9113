//! A scheduler that is stopped, and one that is dropped, over sockets.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use countermand_core::Phase;
use countermand_emulator::{Config, Fate, Script, Server, Shared};
use countermand_hyper::{Client, ErrorKind, HyperConfig, OperationName, Quota, Token, Verdict};
use countermand_scheduler::{Event, Scheduler};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

const OPERATIONS: usize = 200;
const IN_FLIGHT: usize = 10;

/// An emulator that takes a while for each request, and a client of it.
async fn world() -> (Shared, Server, Client, Vec<OperationName>) {
    let script = Script::from_value(json!([{ "delay_ms": 100, "times": null }])).unwrap();
    let fleet = Config::default()
        .parents(OPERATIONS)
        .operations(1, 0)
        .mix([(1, Fate::Cancellable)]);
    let shared = Shared::new(fleet.script(script));
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(here, shared.clone()).await.unwrap();
    let token = Token::new("emulator-token").unwrap();
    let endpoint = server.endpoint().parse().unwrap();
    let config = HyperConfig::default().http2_prior_knowledge(true);
    let client = Client::connect(endpoint, token, config).unwrap();
    let names = shared.with(|emulator, now| emulator.pending(now));
    let names = names.iter().map(|name| name.parse().unwrap()).collect();
    (shared, server, client, names)
}

fn scheduler() -> Scheduler {
    Scheduler::new(1)
        .quota(Quota::unlimited())
        .in_flight(IN_FLIGHT)
}

fn unsent(names: &[OperationName]) -> impl stream::Stream<Item = (OperationName, Phase)> + use<> {
    stream::iter(names.to_vec()).map(|name| (name, Phase::Unsent))
}

/// The operations that the emulator was asked to cancel.
fn asked(shared: &Shared) -> BTreeSet<String> {
    let path = |path: &str| {
        let name = path.strip_prefix("/v1/")?.strip_suffix(":cancel")?;
        Some(name.to_owned())
    };
    shared.with(|emulator, _| {
        let rows = emulator.audit().iter();
        rows.filter_map(|row| path(&row.path)).collect()
    })
}

#[tokio::test]
async fn stopping_drains_what_is_under_way() {
    let (shared, _server, client, names) = world().await;
    let mut running = client.run(scheduler(), unsent(&names));
    for _ in 0..IN_FLIGHT {
        assert!(matches!(running.next().await, Some(Event::Sending { .. })));
    }
    running.stop("enough");
    let (mut accepted, mut unsent) = (BTreeSet::new(), 0);
    while let Some(event) = running.next().await {
        let Event::Finished { name, result } = event else {
            continue;
        };
        match result {
            Ok(outcome) => {
                assert_eq!(outcome.verdict, Verdict::Unverified);
                accepted.insert(name.to_string());
            }
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::NotAttempted { .. }));
                unsent += 1;
            }
        }
    }
    assert_eq!(
        (accepted.len(), unsent),
        (IN_FLIGHT, OPERATIONS - IN_FLIGHT)
    );
    // Each answer was awaited, and no other request was made.
    assert_eq!(asked(&shared), accepted);
}

#[tokio::test]
async fn dropping_sends_nothing_more_and_leaves_the_client_as_it_was() {
    let (shared, server, client, mut names) = world().await;
    let last = names.pop().unwrap();
    let mut running = client.run(scheduler(), unsent(&names));
    let mut begun = BTreeSet::new();
    while begun.len() < 3 * IN_FLIGHT {
        if let Some(Event::Sending { resource, .. }) = running.next().await {
            begun.insert(resource.to_string());
        }
    }
    drop(running);
    // Each of its two requests takes longer than one of those that are not sent any more.
    let started = tokio::time::Instant::now();
    let outcome = client.countermand(&last).await.unwrap();
    assert_eq!(outcome.verdict, Verdict::Cancelled);
    assert!(started.elapsed() >= Duration::from_millis(200));
    let mut asked = asked(&shared);
    assert!(asked.remove(last.as_str()));
    let stray = asked.difference(&begun).collect::<Vec<_>>();
    assert!(asked.len() > IN_FLIGHT && stray.is_empty(), "{stray:?}");
    assert_eq!(server.connections(), 1);
}
