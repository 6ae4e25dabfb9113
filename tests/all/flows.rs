//! What a countermand does, step by step, where a simulation would hardly meet it.

use std::time::{Duration, Instant};

use countermand_core::campaign::{Campaign, Event, Poll};
use countermand_core::{Call, ErrorKind, Flow, Phase, Policy, Quota, Step};
use countermand_tests::vectors::envelope;
use http::Response;

const NAME: &str = "enterprises/LC01/devices/3f/operations/17";
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_accepted_cancel_says_so() {
    let now = Instant::now();
    let Step::Send(cancel) = Flow::new(NAME.parse().unwrap()).start(now, 7) else {
        panic!("it begins with a request")
    };
    assert_eq!((cancel.name(), cancel.accepted()), (NAME, false));
    let Step::Send(look) = cancel.response(now, &Response::new("{}")) else {
        panic!("the first look is immediate")
    };
    assert!(look.accepted());
}

/// When it expires, but not sooner than half the time between two looks: the server's clock may stand
/// still.
#[test]
fn the_next_look_is_when_it_expires() {
    let pause = |left: u32, seed: u64| {
        let now = Instant::now();
        let policy = Policy::default()
            .poll(SECOND * 10, SECOND * 10)
            .expiry_margin(Duration::ZERO);
        let flow = Flow::new(NAME.parse().unwrap()).policy(policy);
        let Step::Send(cancel) = flow.start(now, seed) else {
            panic!("it begins with a request")
        };
        let Step::Send(look) = cancel.response(now, &Response::new("{}")) else {
            panic!("the first look is immediate")
        };
        let body = format!(
            r#"{{"name":"{NAME}","metadata":{{"createTime":"2026-08-06T20:38:00Z","duration":"600s"}}}}"#
        );
        let date = format!("Thu, 06 Aug 2026 20:47:{:02} GMT", 60 - left);
        let response = Response::builder().header("date", date).body(body).unwrap();
        match look.response(now, &response) {
            Step::Wait(pause) => pause.until() - now,
            step => panic!("{step:?}"),
        }
    };
    for seed in 0..50 {
        assert!((SECOND * 5..=SECOND * 10).contains(&pause(60, seed)));
        assert!((SECOND * 5..=SECOND * 6).contains(&pause(6, seed)));
        assert_eq!(pause(1, seed), SECOND * 5);
    }
}

/// Truth: what was refused for the quota was not delivered, and a 404 after it proves nothing.
#[test]
fn a_refusal_for_the_quota_delivers_nothing() {
    let mut now = Instant::now();
    let mut campaign = Campaign::new(1).quota(Quota::unlimited());
    campaign.push(NAME.parse().unwrap(), Phase::Unsent);
    campaign.close();
    let mut sent = Vec::new();
    loop {
        match campaign.poll(now) {
            Poll::Send(ticket, _) => {
                let status = if sent.is_empty() { 429 } else { 404 };
                sent.push(ticket.call());
                let response = Response::builder()
                    .status(status)
                    .body(envelope(status))
                    .unwrap();
                campaign.answer(ticket, now, Ok(&response));
            }
            Poll::Wait(until) => now = until,
            Poll::Idle => panic!("every answer was brought"),
            Poll::Done => break,
        }
    }
    assert_eq!(
        sent,
        [Call::Cancel, Call::Cancel, Call::Get, Call::GetDevice]
    );
    let result = std::iter::from_fn(|| campaign.next_event()).find_map(|event| match event {
        Event::Finished { result, .. } => Some(result),
        _ => None,
    });
    let error = result.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound(_)), "{error}");
    assert!(!error.maybe_delivered());
    assert_eq!((error.attempts(), error.device_exists()), (4, Some(false)));
    assert!(
        error.advice().contains("no record either"),
        "{}",
        error.advice()
    );
}
