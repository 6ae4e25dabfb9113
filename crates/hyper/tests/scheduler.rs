//! A scheduler over a transport: nothing is lost, and it stops as it is told.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and reports"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{OperationName, Phase, Transmit, Verdict};
use countermand_hyper::Client;
use countermand_scheduler::Quota;
use countermand_scheduler::{Event, Scheduler};
use futures_util::stream::{self, StreamExt};
use http::{Method, Response};

fn name(number: usize) -> OperationName {
    format!("enterprises/e/devices/{number}/operations/17")
        .parse()
        .unwrap()
}

/// A client of a server that cancels everything, and how many requests it has seen.
fn client() -> (Client, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let client = Client::new(move |transmit: Transmit| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let body = match *transmit.request.method() {
                Method::POST => Bytes::from_static(b"{}"),
                _ => {
                    let name = transmit.request.uri().path().trim_start_matches("/v1/");
                    format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#).into()
                }
            };
            Ok(Response::new(body))
        }
    });
    (client, seen)
}

fn end(event: &Event) -> Option<String> {
    let Event::Finished { result, .. } = event else {
        return None;
    };
    Some(match result {
        Ok(outcome) => outcome.verdict.to_string(),
        Err(error) => error.kind().as_str().to_owned(),
    })
}

#[tokio::test(start_paused = true)]
async fn all_are_cancelled_within_the_quota() {
    let (client, seen) = client();
    let quota: Quota = "60/60s".parse().unwrap();
    let scheduler = Scheduler::new(1).quota(quota.share(1.0).per_resource(None));
    let names = stream::iter((0..150).map(|number| (name(number), Phase::Unsent)));
    let started = tokio::time::Instant::now();
    let events = client.run(scheduler, names).collect::<Vec<_>>().await;
    let cancelled = events
        .iter()
        .filter_map(end)
        .filter(|end| end == Verdict::Cancelled.as_str());
    assert_eq!(cancelled.count(), 150);
    assert_eq!(seen.load(Ordering::Relaxed), 300);
    // 300 requests of 60 a minute: four full windows before the last ones.
    let took = started.elapsed();
    assert!(
        (Duration::from_secs(240)..Duration::from_secs(242)).contains(&took),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn names_are_pulled_as_there_is_room() {
    let (client, _) = client();
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pulled);
    let names = stream::iter((0..1_000_000).map(move |number| {
        count.fetch_add(1, Ordering::Relaxed);
        (name(number), Phase::Unsent)
    }));
    let scheduler = Scheduler::new(1).quota(Quota::unlimited()).in_flight(10);
    let mut running = client.run(scheduler, names);
    for _ in 0..100 {
        running.next().await.unwrap();
    }
    assert!(
        pulled.load(Ordering::Relaxed) < 2000,
        "{}",
        pulled.load(Ordering::Relaxed)
    );
}

#[tokio::test(start_paused = true)]
async fn stopping_awaits_what_is_in_flight() {
    let (client, seen) = client();
    let names = stream::iter((0..500).map(|number| (name(number), Phase::Unsent)));
    let scheduler = Scheduler::new(1).quota(Quota::unlimited()).in_flight(10);
    let mut running = client.run(scheduler, names);
    for _ in 0..10 {
        assert!(matches!(running.next().await, Some(Event::Sending { .. })));
    }
    running.stop("interrupted");
    let mut ends = BTreeMap::new();
    while let Some(event) = running.next().await {
        if let Some(end) = end(&event) {
            *ends.entry(end).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.load(Ordering::Relaxed), 10);
    let expected = [
        ("not_attempted".to_owned(), 490),
        ("unverified".to_owned(), 10),
    ];
    assert_eq!(ends, BTreeMap::from(expected));
}

#[tokio::test(start_paused = true)]
async fn no_request_begins_before_the_journal_has_it() {
    let (client, seen) = client();
    let names = stream::iter((0..30).map(|number| (name(number), Phase::Unsent)));
    let scheduler = Scheduler::new(1).quota(Quota::unlimited()).in_flight(7);
    let held = Arc::new(AtomicUsize::new(0));
    let (begun, kept) = (Arc::clone(&seen), Arc::clone(&held));
    let journal = move |events: &[Event]| {
        assert_eq!(
            begun.load(Ordering::Relaxed),
            kept.load(Ordering::Relaxed),
            "requests that began, and those that the journal has"
        );
        let sending = |event: &&Event| matches!(event, Event::Sending { .. });
        let new = events.iter().filter(sending).count();
        kept.fetch_add(new, Ordering::Relaxed);
    };
    let running = client.run(scheduler, names).journal(journal);
    assert_eq!(
        running
            .filter(|event| std::future::ready(end(event).is_some()))
            .count()
            .await,
        30
    );
    assert_eq!(
        (seen.load(Ordering::Relaxed), held.load(Ordering::Relaxed)),
        (60, 60)
    );
}

/// The most memory this process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_stay_within_memory() {
    const OPERATIONS: usize = 100_000;
    let (client, seen) = client();
    let names = stream::iter((0..OPERATIONS).map(|number| (name(number), Phase::Unsent)));
    let before = peak();
    let mut running = client.run(Scheduler::new(1).quota(Quota::unlimited()), names);
    let mut cancelled = 0;
    while let Some(event) = running.next().await {
        cancelled += usize::from(end(&event).as_deref() == Some("cancelled"));
    }
    assert_eq!(
        (cancelled, seen.load(Ordering::Relaxed)),
        (OPERATIONS, 2 * OPERATIONS)
    );
    let grown = peak() - before;
    assert!(grown < (64 << 20) + 400 * OPERATIONS, "{grown} bytes");
    println!("{} bytes an operation", grown / OPERATIONS);
}
