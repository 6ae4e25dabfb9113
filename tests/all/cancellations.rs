//! Single steps of a countermand that a simulation would hardly reach.

use std::time::Duration;

use countermand_core::{Call, Cancellation, ErrorKind, Phase, Policy, Step, Time, Verdict};
use countermand_scheduler::Quota;
use countermand_scheduler::{Event, NextStep, Scheduler};
use countermand_tests::vectors::envelope;
use http::Response;

const NAME: &str = "enterprises/LC01/devices/3f/operations/17";
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_accepted_cancel_says_so() {
    let now = Time::START;
    let Step::Send(cancel) = Cancellation::new(NAME.parse().unwrap()).start(now, 7) else {
        panic!("it begins with a request")
    };
    assert_eq!((cancel.name(), cancel.accepted()), (NAME, false));
    let Step::Send(look) = cancel.response(now, &Response::new("{}")) else {
        panic!("the first look is immediate")
    };
    assert!(look.accepted());
}

/// The next poll is when the operation expires, but not sooner than half the time between two polls:
/// the server's clock may stand still.
#[test]
fn the_next_look_is_when_it_expires() {
    let pause = |left: u32, seed: u64| {
        let now = Time::START;
        let policy = Policy::default()
            .poll_interval(SECOND * 10, SECOND * 10)
            .expiry_margin(Duration::ZERO);
        let cancellation = Cancellation::new(NAME.parse().unwrap()).policy(policy);
        let Step::Send(cancel) = cancellation.start(now, seed) else {
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

/// A cancel that was refused for the quota was not delivered, and a 404 after it proves nothing.
#[test]
fn a_refusal_for_the_quota_delivers_nothing() {
    let mut now = Time::START;
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    scheduler.push(NAME.parse().unwrap(), Phase::Unsent);
    scheduler.close();
    let mut sent = Vec::new();
    loop {
        match scheduler.next_step(now) {
            NextStep::Send(ticket, _) => {
                let status = if sent.is_empty() { 429 } else { 404 };
                sent.push(ticket.call());
                let response = Response::builder()
                    .status(status)
                    .body(envelope(status))
                    .unwrap();
                scheduler.answer(ticket, now, Ok(&response));
            }
            NextStep::Wait(until) => now = until,
            NextStep::Idle => panic!("every answer was brought"),
            NextStep::Done => break,
        }
    }
    assert_eq!(
        sent,
        [Call::Cancel, Call::Cancel, Call::Get, Call::GetParent]
    );
    let result = std::iter::from_fn(|| scheduler.next_event()).find_map(|event| match event {
        Event::Finished { result, .. } => Some(result),
        _ => None,
    });
    let error = result.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound(_)), "{error}");
    assert!(!error.maybe_delivered());
    assert_eq!((error.attempts(), error.parent_exists()), (4, Some(false)));
    assert!(
        error.advice().contains("no record either"),
        "{}",
        error.advice()
    );
}

/// A get that a cache answers is evidence of the past: "not done" from before the cancel resolves
/// nothing, but "done" is final.
#[test]
fn an_answer_of_a_cache_proves_only_what_is_final() {
    let end = |ages: fn(u64) -> u64, body: &str| {
        let begun = Time::START;
        let policy = Policy::default()
            .deadline(SECOND * 60)
            .poll_interval(SECOND * 4, SECOND * 4);
        let cancellation = Cancellation::new(NAME.parse().unwrap()).policy(policy);
        let (mut now, mut looks) = (begun, 0);
        let mut step = cancellation.start(now, 7);
        loop {
            step = match step {
                Step::Send(attempt) if attempt.call() == Call::Cancel => {
                    attempt.response(now, &Response::new("{}"))
                }
                Step::Send(attempt) => {
                    looks += 1;
                    let age = ages((now - begun).as_secs());
                    let date = "Thu, 06 Aug 2026 20:47:00 GMT";
                    let response = Response::builder().header("age", age).header("date", date);
                    attempt.response(now, &response.body(body.to_owned()).unwrap())
                }
                Step::Wait(pause) => {
                    now = pause.until();
                    pause.resume(now)
                }
                Step::Done(result) => return (result.unwrap(), looks),
            };
        }
    };
    let pending = format!(r#"{{"name":"{NAME}"}}"#);
    // As old as the cancel, or older: polled until the deadline, and nothing is known.
    for ages in [|seconds| seconds + 1, |_| 3600] {
        let (outcome, looks) = end(ages, &pending);
        assert_eq!(
            (outcome.verdict, outcome.operation),
            (Verdict::Unverified, None)
        );
        let error = outcome.error.expect("the reason").to_string();
        assert!(error.contains("a cache gave this answer"), "{error}");
        assert!(looks > 10, "{looks}");
    }
    // Younger than the cancel: seen after it.
    let (outcome, _) = end(|seconds| seconds / 2, &pending);
    assert_eq!(
        (outcome.verdict, outcome.error.is_some()),
        (Verdict::Pending, false)
    );
    // Not even expiry is known: the answer may be from before the cancel.
    let over = format!(
        r#"{{"name":"{NAME}","metadata":{{"createTime":"2026-08-06T20:30:00Z","duration":"600s"}}}}"#
    );
    assert_eq!(end(|_| 3600, &over).0.verdict, Verdict::Unverified);
    assert_eq!(end(|_| 0, &over).0.verdict, Verdict::Expired);
    // An operation that is done stays done, however old the answer is.
    let done = format!(r#"{{"name":"{NAME}","done":true,"error":{{"code":1}}}}"#);
    let (outcome, looks) = end(|_| 3600, &done);
    assert_eq!((outcome.verdict, looks), (Verdict::Cancelled, 1));
}
