//! `Client` over transports made by hand, on a virtual clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::name;
use bytes::Bytes;
use countermand_hyper::{
    BoxStream, Client, ErrorKind, FailureScope, OperationName, Transmit, TransportError,
    TransportErrorKind, Verdict,
};
use futures_util::{StreamExt, TryStreamExt};
use http::{Response, StatusCode};

type Reply = Result<Response<Bytes>, TransportError>;

fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}

/// The operation that a path names, cancelled.
fn cancelled(path: &str) -> Reply {
    let name = path.trim_start_matches("/v1/");
    reply(
        200,
        format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#),
    )
}

fn names(count: usize) -> impl Iterator<Item = OperationName> + Send {
    (0..count).map(|n| {
        format!("enterprises/LC01/devices/3f/operations/{n}")
            .parse()
            .unwrap()
    })
}

/// Answers after 10 ms; tells how many requests there were, and how many at once at most.
#[derive(Clone, Default)]
struct Counts {
    sent: Arc<AtomicUsize>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Counts {
    fn client(&self, answer: impl Fn(&Transmit) -> Reply + Send + Sync + 'static) -> Client {
        let (counts, answer) = (self.clone(), Arc::new(answer));
        Client::new(move |transmit: Transmit| {
            let (counts, answer) = (counts.clone(), Arc::clone(&answer));
            async move {
                counts.sent.fetch_add(1, Ordering::Relaxed);
                let now = counts.now.fetch_add(1, Ordering::Relaxed) + 1;
                counts.most.fetch_max(now, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                counts.now.fetch_sub(1, Ordering::Relaxed);
                answer(&transmit)
            }
        })
        .seed(7)
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

fn kind_server(transmit: &Transmit) -> Reply {
    match transmit.request.method().as_str() {
        "POST" => reply(200, "{}"),
        _ => cancelled(transmit.request.uri().path()),
    }
}

#[tokio::test(start_paused = true)]
async fn countermand_proves() {
    let counts = Counts::default();
    let outcome = counts
        .client(kind_server)
        .countermand(&name())
        .await
        .unwrap();
    assert_eq!(outcome.verdict, Verdict::Cancelled);
    assert_eq!((outcome.attempts, counts.sent()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn cancel_only_asks_and_get_only_looks() {
    let counts = Counts::default();
    let client = counts.client(kind_server);
    client.cancel(&name()).await.unwrap();
    assert_eq!(counts.sent(), 1);
    let operation = client.get(&name()).await.unwrap();
    assert_eq!(operation.verdict(), Some(Verdict::Cancelled));
    assert_eq!(counts.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_retried_on_the_virtual_clock() {
    let left = AtomicUsize::new(3);
    let counts = Counts::default();
    let client = counts.client(move |transmit| match left.load(Ordering::Relaxed) {
        0 => kind_server(transmit),
        _ => {
            left.fetch_sub(1, Ordering::Relaxed);
            Err(TransportError::new(
                TransportErrorKind::ConnectionLost,
                "reset",
            ))
        }
    });
    let outcome = client.countermand(&name()).await.unwrap();
    assert_eq!((outcome.verdict, outcome.attempts), (Verdict::Cancelled, 5));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_pauses() {
    let run = async |seed| {
        let client = Counts::default().client(|_| reply(503, "")).seed(seed);
        let begun = tokio::time::Instant::now();
        client.countermand(&name()).await.unwrap_err();
        begun.elapsed()
    };
    let once = run(1).await;
    assert_eq!(once, run(1).await);
    assert_ne!(once, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn all_come_out_once_and_few_at_a_time() {
    let counts = Counts::default();
    let pulled = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&pulled);
    let client = counts.client(kind_server).in_flight(8);
    let mut results = Box::pin(client.countermand_all(names(3000).inspect(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    })));
    assert_eq!(pulled.load(Ordering::Relaxed), 0);
    let mut seen = Vec::new();
    while let Some((name, result)) = results.next().await {
        assert_eq!(result.unwrap().verdict, Verdict::Cancelled);
        seen.push(name);
        // Those that were asked for, and those that wait for their turn.
        assert!(pulled.load(Ordering::Relaxed) <= counts.sent() + 8 + 1000);
    }
    seen.sort();
    let mut expected: Vec<_> = names(3000).collect();
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(counts.most.load(Ordering::Relaxed), 8);
}

#[tokio::test(start_paused = true)]
async fn a_token_refused_for_ever_stops_the_rest() {
    let counts = Counts::default();
    let client = counts
        .client(|_| reply(401, r#"{"error":{"code":401}}"#))
        .in_flight(4);
    let results: Vec<_> = client.countermand_all(names(5000)).collect().await;
    assert_eq!(results.len(), 5000);
    let mut not_attempted = 0;
    for (name, result) in results {
        let error = result.unwrap_err();
        assert_eq!(error.operation(), Some(&name));
        match error.kind() {
            ErrorKind::NotAttempted { cause } => {
                assert_eq!(
                    cause.text().matches("not authenticated").count(),
                    1,
                    "{cause}"
                );
                assert!(!cause.text().contains("not attempted"), "{cause}");
                not_attempted += 1;
            }
            kind => assert_eq!(kind.failure_scope(), FailureScope::Everything, "{error}"),
        }
    }
    // Requests in flight with the first refusal may be refused too, each twice; nothing else.
    assert!(not_attempted >= 4992, "{not_attempted}");
    assert!(counts.sent() <= 16, "{}", counts.sent());
}

#[tokio::test(start_paused = true)]
async fn one_refusal_concerns_one_operation() {
    let client = Counts::default().client(|transmit| {
        match transmit.request.uri().path().ends_with("/3:cancel") {
            true => reply(400, r#"{"error":{"code":400}}"#),
            false => kind_server(transmit),
        }
    });
    let results: Vec<_> = client.countermand_all(names(10)).collect().await;
    let failed: Vec<_> = results
        .iter()
        .filter(|(_, result)| result.is_err())
        .collect();
    assert_eq!((results.len(), failed.len()), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn fault_23_five_first_answers_of_501_stop_the_rest() {
    let run = async |supported: &'static str| {
        let counts = Counts::default();
        let client = counts.client(move |transmit| {
            match transmit.request.uri().path().contains(supported) {
                true => kind_server(transmit),
                false => reply(501, r#"{"error":{"code":501}}"#),
            }
        });
        let results: Vec<_> = client
            .in_flight(2)
            .countermand_all(names(50))
            .collect()
            .await;
        assert_eq!(results.len(), 50);
        let not_attempted = results.iter().filter_map(|(_, result)| {
            let kind = result.as_ref().err()?.kind();
            match kind {
                ErrorKind::NotAttempted { cause } => Some(cause.clone()),
                _ => None,
            }
        });
        (not_attempted.collect::<Vec<_>>(), counts.sent())
    };
    // One more was in flight with the fifth.
    let (not_attempted, sent) = run("/none").await;
    assert_eq!((not_attempted.len(), sent), (44, 6));
    assert!(
        not_attempted[0].text().contains("not supported"),
        "{}",
        not_attempted[0]
    );
    // One of the first five is supported: each is asked for and looked at.
    let (not_attempted, sent) = run("/operations/3").await;
    assert_eq!((not_attempted.len(), sent), (0, 100));
}

/// Pages by their token; an empty one may lead on.
fn pages(table: &'static [(&str, &str)]) -> Client {
    Counts::default().client(move |transmit| {
        let query = transmit.request.uri().query().unwrap();
        let token = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("pageToken="))
            .unwrap_or_default();
        let (_, page) = table.iter().find(|(asked, _)| *asked == token).unwrap();
        reply(200, *page)
    })
}

const OPERATIONS: &str = r#"{"operations":[
    {"name":"enterprises/LC01/devices/3f/operations/1"},
    {"name":"enterprises/LC01/devices/3f/operations/2"}],"nextPageToken":"a"}"#;

#[tokio::test(start_paused = true)]
async fn a_list_goes_on_after_an_empty_page() {
    let client = pages(&[
        ("", OPERATIONS),
        ("a", r#"{"nextPageToken":"b"}"#),
        (
            "b",
            r#"{"operations":[{"name":"enterprises/LC01/devices/3f/operations/3"}]}"#,
        ),
    ]);
    let device = "enterprises/LC01/devices/3f".parse().unwrap();
    let listed: Vec<_> = client
        .list_operations(&device, None)
        .try_collect()
        .await
        .unwrap();
    let ids: Vec<_> = listed.iter().map(|operation| operation.name.id()).collect();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_turns_in_circles_ends_with_an_error() {
    let client = pages(&[("", OPERATIONS), ("a", OPERATIONS)]);
    let device = "enterprises/LC01/devices/3f".parse().unwrap();
    let listed: Vec<_> = client.list_operations(&device, None).collect().await;
    let (last, before) = listed.split_last().unwrap();
    assert!(before.iter().all(Result::is_ok) && before.len() == 4);
    assert!(last.is_err());
}

#[tokio::test(start_paused = true)]
async fn dropping_a_countermand_drops_its_request() {
    let counts = Counts::default();
    let client = counts.client(kind_server);
    let name = name();
    let short = Duration::from_millis(5);
    tokio::time::timeout(short, client.countermand(&name))
        .await
        .unwrap_err();
    tokio::time::sleep(Duration::from_secs(60)).await;
    // Begun, never ended, and nothing after it.
    assert_eq!((counts.sent(), counts.now.load(Ordering::Relaxed)), (1, 1));
}

/// The next item of a stream, by futures of which each is dropped after a millisecond.
async fn next_by_pieces<T>(stream: &mut BoxStream<'static, T>) -> Option<T> {
    loop {
        let piece = tokio::time::timeout(Duration::from_millis(1), stream.next());
        if let Ok(item) = piece.await {
            return item;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn futures_of_the_next_item_may_be_dropped() {
    let counts = Counts::default();
    let client = counts.client(|transmit| match transmit.request.uri().path() {
        path if path.ends_with("/operations") => {
            let entry = r#"{"name":"enterprises/LC01/devices/3f/operations/1"}"#;
            reply(200, format!(r#"{{"operations":[{entry}]}}"#))
        }
        _ => kind_server(transmit),
    });
    let mut operations =
        client.list_operations(&"enterprises/LC01/devices/3f".parse().unwrap(), None);
    let operation = next_by_pieces(&mut operations).await.unwrap().unwrap();
    assert!(!operation.done);
    assert!(next_by_pieces(&mut operations).await.is_none());
    assert_eq!(counts.sent(), 1);
    let mut results = client.countermand_all(names(3));
    let mut ended = 0;
    while let Some((_, result)) = next_by_pieces(&mut results).await {
        assert_eq!(result.unwrap().verdict, Verdict::Cancelled);
        ended += 1;
    }
    // A cancel and a look for each.
    assert_eq!((ended, counts.sent()), (3, 1 + 2 * 3));
}
