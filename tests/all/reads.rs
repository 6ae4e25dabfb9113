//! Calls that only read (get, list), step by step, alone and in a scheduler.

use std::time::Duration;

use countermand_core::{
    Attempt, Call, ErrorKind, Fetch, Operation, OperationName, Pause, Policy, Step, Time,
    Timestamp, TransportError, TransportErrorKind,
};
use countermand_scheduler::Quota;
use countermand_scheduler::{Event, List, NextStep, Scheduler};
use countermand_tests::vectors::envelope;
use http::Response;

const NAME: &str = "enterprises/LC01/devices/3f/operations/17";
const SECOND: Duration = Duration::from_secs(1);

fn answer(status: u16) -> Response<String> {
    let response = Response::builder().status(status);
    response.body(envelope(status)).unwrap()
}

fn begun(policy: Policy, now: Time, seed: u64) -> Attempt<Operation> {
    let read = Fetch::operation(NAME.parse().unwrap()).policy(policy);
    match read.start(now, seed) {
        Step::Send(attempt) => attempt,
        step => panic!("{step:?}"),
    }
}

fn paused<T>(step: Step<T>) -> Pause<T> {
    match step {
        Step::Wait(pause) => pause,
        Step::Send(attempt) => panic!("{attempt:?}"),
        Step::Done(_) => panic!("it is done"),
    }
}

#[test]
fn a_read_goes_on_when_its_pause_is_over() {
    let now = Time::START;
    let attempt = begun(Policy::default(), now, 7);
    assert_eq!((attempt.name(), attempt.call()), (NAME, Call::Get));
    assert_eq!((attempt.number(), attempt.accepted()), (1, false));
    let shown = format!("{attempt:?}");
    assert!(shown.contains(NAME) && shown.contains("Get"), "{shown}");

    let pause = paused(attempt.response(now, &answer(503)));
    assert_eq!(pause.name(), NAME);
    let error = pause.error().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Unavailable(_)), "{error}");
    let shown = format!("{pause:?}");
    assert!(
        shown.contains(NAME) && shown.contains("Unavailable"),
        "{shown}"
    );

    let until = pause.until();
    let pause = paused(pause.resume(until - Duration::from_nanos(1)));
    assert_eq!(pause.until(), until);
    let Step::Send(attempt) = pause.resume(until) else {
        panic!("its time has come")
    };
    assert_eq!(attempt.number(), 2);

    // A name that is not found is not requested again.
    let Step::Done(Err(error)) = attempt.response(until, &answer(404)) else {
        panic!("nothing to wait for")
    };
    assert_eq!((error.attempts(), error.maybe_delivered()), (2, false));
}

#[test]
fn nothing_is_sent_more_than_a_second_after_the_deadline() {
    let now = Time::START;
    let paused = || {
        let policy = Policy::default()
            .deadline(SECOND * 5)
            .backoff(SECOND, SECOND);
        paused(begun(policy, now, 7).response(now, &answer(503)))
    };
    let last = now + SECOND * 6;
    assert!(matches!(paused().resume(last), Step::Send(_)));
    let Step::Done(Err(error)) = paused().resume(last + Duration::from_nanos(1)) else {
        panic!("too late")
    };
    assert_eq!(error.resource().unwrap().as_str(), NAME);
    assert!(matches!(error.kind(), ErrorKind::Unavailable(_)), "{error}");
}

/// The pause of a get is cut at the deadline.
#[test]
fn the_last_look_is_at_the_deadline() {
    let now = Time::START;
    let deadline = now + SECOND * 5;
    let mut cut = 0;
    for seed in 0..50 {
        let policy = Policy::default()
            .deadline(SECOND * 5)
            .backoff(SECOND * 20, SECOND * 20);
        let until = paused(begun(policy, now, seed).response(now, &answer(503))).until();
        assert!(until <= deadline);
        cut += u32::from(until == deadline);
    }
    assert!((25..50).contains(&cut), "{cut} of 50 pauses were longer");
}

#[test]
fn each_pause_may_be_twice_as_long() {
    let mut longest = [Duration::ZERO; 4];
    for seed in 0..200 {
        let mut now = Time::START;
        let mut attempt = begun(Policy::default(), now, seed);
        for longest in &mut longest {
            let pause = paused(attempt.response(now, &answer(503)));
            *longest = (*longest).max(pause.until() - now);
            now = pause.until();
            attempt = match pause.resume(now) {
                Step::Send(attempt) => attempt,
                step => panic!("{step:?}"),
            };
        }
    }
    for (failures, longest) in longest.into_iter().enumerate() {
        let most = SECOND * 2_u32.pow(failures as u32);
        assert!(
            longest <= most && longest > most * 9 / 10,
            "{longest:?} of {most:?}"
        );
    }
}

/// The wait for the quota counts neither as an attempt of the list nor towards its deadline.
#[test]
fn a_list_outlives_a_hold() {
    let mut now = Time::START;
    let policy = Policy::default()
        .deadline(SECOND * 10)
        .backoff(SECOND, SECOND);
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited()).policy(policy);
    let name = NAME.parse::<OperationName>().unwrap();
    let device = name.parent();
    scheduler.search(List::Operations {
        parent: device,
        seen: None,
        filter: None,
    });
    scheduler.close();
    for (attempt, status) in [(1, 429), (2, 503), (3, 503)] {
        let ticket = loop {
            match scheduler.next_step(now) {
                NextStep::Send(ticket, _) => break ticket,
                NextStep::Wait(until) => now = until,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            (ticket.call(), ticket.attempt()),
            (Call::ListOperations, attempt)
        );
        scheduler.answer(ticket, now, Ok(&answer(status)));
    }
    assert!(
        !matches!(scheduler.next_step(now), NextStep::Done),
        "it is asked again"
    );

    scheduler.stop("enough");
    assert!(matches!(scheduler.next_step(now), NextStep::Done));
    let error = std::iter::from_fn(|| scheduler.next_event()).find_map(|event| match event {
        Event::NotListed { error, .. } => Some(error),
        _ => None,
    });
    let error = error.expect("a list that was given up is told");
    assert_eq!(error.resource().unwrap().as_str(), name.parent().as_str());
    assert_eq!(error.attempts(), 3);
    assert!(error.to_string().contains("enough"), "{error}");
}

#[test]
fn times_and_failures_are_shown() {
    let time = Timestamp::parse_rfc3339("2026-08-06T20:38:43.669Z").unwrap();
    assert_eq!(format!("{time:?}"), "Timestamp(2026-08-06T20:38:43.669Z)");
    let error = TransportError::new(TransportErrorKind::TimedOut, "after 10 s");
    assert_eq!(error.to_string(), "no complete answer came in time");
}
