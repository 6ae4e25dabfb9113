//! Schedulers on a virtual clock: the important figures, and the invariants of every schedule.

use std::collections::BTreeMap;
use std::time::Duration;

use countermand_core::{
    Call, ErrorKind, Phase, Policy, Service, Time, TransportError, TransportErrorKind, Verdict,
};
use countermand_emulator::{Hints, ServerQuota, ServerUsage, WindowKind};
use countermand_scheduler::{Event, NextStep, Scheduler};
use countermand_scheduler::{Quota, Window};
use countermand_tests::dice::Dice;
use countermand_tests::fleet::{Report, run};
use countermand_tests::server::{Limit, answer, name, quota, scheduler, works};
use http::{Method, Request};

fn count(report: &Report, status: u16) -> usize {
    report
        .sent
        .iter()
        .filter(|(.., seen)| *seen == Some(status))
        .count()
}

fn all_cancelled(report: &Report, operations: u64) {
    assert_eq!(report.finished.len() as u64, operations);
    let other = report.finished.iter().find(|(_, result)| {
        !result
            .as_ref()
            .is_ok_and(|outcome| outcome.verdict == Verdict::Cancelled)
    });
    assert!(other.is_none(), "{other:?}");
}

#[test]
fn last_cancel_of_5000_leaves_as_early_as_the_quota_allows() {
    for (text, bound) in [
        ("1000/100s", 410),
        ("600/60s", 486),
        ("600/60s,1000/100s", 486),
    ] {
        for phase in [None].into_iter().chain((0..10).map(Some)) {
            let mut limits = vec![];
            if text.contains("600/60s") {
                limits.push(Limit::new(600, 60, phase));
            }
            if text.contains("1000/100s") {
                limits.push(Limit::new(1000, 100, phase));
            }
            let report = run(
                &mut scheduler(5000, quota(text)),
                Duration::from_secs(3600),
                &mut |at, request| {
                    if limits.iter_mut().any(|limit| limit.refuses(at)) {
                        answer(429, "")
                    } else {
                        works(request)
                    }
                },
            );
            all_cancelled(&report, 5000);
            assert_eq!(count(&report, 429), 0, "{text}, phase {phase:?}");
            assert!(
                report.last_cancel <= Duration::from_secs(bound),
                "{:?} with {text}",
                report.last_cancel
            );
            assert!(
                report.sent.len() * 100 <= 5000 * 205,
                "{} requests",
                report.sent.len()
            );
            // No get before the last cancel.
            let first_look = report
                .sent
                .iter()
                .find(|(_, method, _)| method == Method::GET)
                .unwrap();
            assert!(first_look.0 >= report.last_cancel, "{first_look:?}");
        }
    }
}

#[test]
fn a_fifth_of_503_costs_a_third_and_nothing_is_lost() {
    let mut dice = Dice::new(5);
    let report = run(
        &mut scheduler(5000, quota("600/60s")),
        Duration::from_secs(7200),
        &mut |_, request| {
            if dice.chance(20) {
                answer(503, "")
            } else {
                works(request)
            }
        },
    );
    let resolved = report
        .finished
        .iter()
        .filter(|(_, result)| result.is_ok())
        .count();
    assert!(report.circuit.is_empty(), "{:?}", report.circuit);
    assert!(
        report.sent.len() * 100 <= 10_000 * 130,
        "{} requests",
        report.sent.len()
    );
    assert_eq!(resolved, 5000);
    all_cancelled(&report, 5000);
}

/// A minute of 503s alone in the middle of a run at full speed, 200 requests a second: without a
/// quota, so that only the circuit breaker slows it down.
#[test]
fn a_storm_is_probed_and_nothing_is_dropped() {
    let second = Duration::from_secs(1);
    let (from, to) = (10 * second, 70 * second);
    let report = run(
        &mut scheduler(5000, Quota::unlimited()),
        Duration::from_secs(3600),
        &mut |at, request| {
            if (from..to).contains(&at) {
                answer(503, "")
            } else {
                works(request)
            }
        },
    );
    all_cancelled(&report, 5000);
    let [(opened, true), (closed, false)] = report.circuit[..] else {
        panic!("{:?}", report.circuit)
    };
    let sent = |from: Duration, to: Duration| {
        let within = report.sent.iter();
        within.filter(|(at, ..)| (from..to).contains(at)).count()
    };
    assert!((190..=200).contains(&sent(from - second, from)));
    // The failures that open the circuit, and the requests in flight by then.
    assert!(opened - from < second && sent(from, opened) <= 50);
    let probes = sent(opened, to);
    assert!((10..=20).contains(&probes), "{probes} probes in a minute");
    // One answer later it is as fast as before.
    assert!(closed - to < 10 * second, "{closed:?}");
    let after = sent(to + 10 * second, to + 11 * second);
    assert!(
        after >= 190,
        "{after} requests in a second after it came back"
    );
    // No cancel waited for a reason other than the storm.
    assert!(report.last_cancel < to + 10 * second + Duration::from_secs(5000 / 200));
}

/// Operations that meet the storm wait as long as the server says; others probe instead of them.
#[test]
fn what_a_failing_server_asks_for_is_given_while_the_circuit_is_open() {
    let mut told = BTreeMap::new();
    let report = run(
        &mut scheduler(300, Quota::unlimited()),
        Duration::from_secs(3600),
        &mut |at, request| {
            let allowed = told.remove(request.uri().path()).unwrap_or_default();
            assert!(at >= allowed, "{request:?} at {at:?}, not {allowed:?}");
            if at >= Duration::from_secs(90) {
                return works(request);
            }
            let (took, result) = answer(503, "");
            let delay = Duration::from_secs(40);
            told.insert(request.uri().path().to_owned(), at + took + delay);
            let mut response = result.unwrap();
            let seconds = http::HeaderValue::from_static("40");
            response.headers_mut().insert("retry-after", seconds);
            (took, Ok(response))
        },
    );
    all_cancelled(&report, 300);
    assert_eq!(report.circuit.len(), 2);
}

/// Probes count like all calls, and the room that they leave in the windows is used at once.
#[test]
fn a_storm_under_a_quota_costs_its_time_and_no_more() {
    let (from, to) = (Duration::from_secs(20), Duration::from_secs(130));
    let mut limit = Limit::new(600, 60, None);
    let report = run(
        &mut scheduler(5000, quota("600/60s")),
        Duration::from_secs(7200),
        &mut |at, request| {
            if limit.refuses(at) {
                answer(429, "")
            } else if (from..to).contains(&at) {
                answer(503, "")
            } else {
                works(request)
            }
        },
    );
    all_cancelled(&report, 5000);
    assert_eq!(count(&report, 429), 0);
    assert!(
        report.last_cancel <= Duration::from_secs(486) + (to - from),
        "{:?}",
        report.last_cancel
    );
}

/// With two attempts for each operation, all survive ten minutes of failures, because the circuit
/// excuses the failures.
#[test]
fn a_long_storm_counts_against_nobody() {
    let storm = Duration::from_secs(600);
    let policy = Policy::default().max_attempts(2);
    let mut scheduler = scheduler(300, Quota::unlimited()).policy(policy).probe_on();
    let report = run(
        &mut scheduler,
        Duration::from_secs(7200),
        &mut |at, request| {
            if at < storm {
                answer(503, "")
            } else {
                works(request)
            }
        },
    );
    all_cancelled(&report, 300);
    // This server shows an operation as cancelled even if its cancel never arrived: count what arrived.
    let accepted = report.sent.iter();
    let accepted =
        accepted.filter(|(_, method, status)| method == Method::POST && *status == Some(200));
    assert_eq!(accepted.count(), 300);
}

/// Half of the promised quota, for every way in which a server may count it and report it.
#[test]
fn a_quota_that_is_secretly_half_is_adopted() {
    for (text, hints, kind, count_refused) in [
        ("300/60s", Hints::None, WindowKind::default(), false),
        ("300/60s", Hints::None, WindowKind::Sliding, true),
        ("300/60s,500/100s", Hints::RetryInfo, phase(37), false),
        (
            "300/60s,500/100s",
            Hints::RetryAfter,
            WindowKind::Sliding,
            false,
        ),
        ("600/60s,500/100s", Hints::None, phase(11), true),
    ] {
        let windows = text.split(',').map(|window| window.parse().unwrap());
        let server = ServerQuota::default().windows(windows).kind(kind);
        let mut server = ServerUsage::new(
            Service::DEFAULT,
            server.hints(hints).count_refused(count_refused),
        );
        let report = run(
            &mut scheduler(5000, quota("600/60s,1000/100s")),
            Duration::from_secs(7200),
            &mut |at, request| match server.refuse(at, request) {
                Some(refusal) => (Duration::from_millis(80), Ok(refusal)),
                None => works(request),
            },
        );
        all_cancelled(&report, 5000);
        let window = Duration::from_secs(100);
        let late = report.sent.iter().filter(|(at, ..)| *at > window);
        let (refused, all) = late.fold((0, 0), |(refused, all), (.., status)| {
            (refused + usize::from(*status == Some(429)), all + 1)
        });
        assert!(
            refused * 100 <= all,
            "{refused} of {all} were refused with {text}, {kind:?}"
        );
    }
}

const fn phase(seconds: u64) -> WindowKind {
    WindowKind::Fixed {
        phase: Duration::from_secs(seconds),
    }
}

/// A server that refuses without any hint: each window costs the requests in flight when it is
/// full, and a minute.
#[test]
fn a_quota_that_is_never_named_costs_what_is_under_way() {
    for phase in [None, Some(3), Some(7)] {
        let mut limit = Limit::new(300, 60, phase);
        let report = run(
            &mut scheduler(5000, quota("600/60s")),
            Duration::from_secs(7200),
            &mut |at, request| {
                if limit.refuses(at) {
                    answer(429, "")
                } else {
                    works(request)
                }
            },
        );
        all_cancelled(&report, 5000);
        let windows = 10_000 / 300;
        assert!(count(&report, 429) <= 17 * windows, "{phase:?}");
    }
}

#[test]
fn a_quota_of_zero_stops() {
    let body = r#"{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",
        "metadata":{"quota_limit_value":"0"}}]}}"#;
    let report = run(
        &mut scheduler(500, quota("600/60s")),
        Duration::from_secs(60),
        &mut |_, _| answer(429, body),
    );
    assert_eq!(report.finished.len(), 500);
    assert!(report.sent.len() <= 100, "{} requests", report.sent.len());
    assert!(report.finished.iter().any(|(_, result)| {
        matches!(result.as_ref().unwrap_err().kind(), ErrorKind::ResourceExhausted(answer) if answer.quota_is_final())
    }));
}

#[test]
fn a_quota_that_is_never_free_again_stops() {
    let report = run(
        &mut scheduler(500, quota("600/60s")),
        Duration::from_secs(3600),
        &mut |_, _| answer(429, ""),
    );
    assert_eq!(report.finished.len(), 500);
    assert!(report.sent.len() < 500, "{} requests", report.sent.len());
    assert!(report.finished.iter().all(|(_, result)| result.is_err()));
}

#[test]
fn a_refused_token_stops_the_rest() {
    let report = run(
        &mut scheduler(500, quota("600/60s")),
        Duration::from_secs(60),
        &mut |_, _| answer(401, ""),
    );
    assert_eq!(report.finished.len(), 500);
    assert!(
        report.sent.len() <= 200,
        "those in flight, each resent once: {}",
        report.sent.len()
    );
    let left = report.finished.iter().filter(|(_, result)| {
        matches!(
            result.as_ref().unwrap_err().kind(),
            ErrorKind::NotAttempted { .. }
        )
    });
    assert_eq!(left.count(), 500 - report.sent.len() / 2);
}

/// Such an operation has its verdict without the device; a failure of everything is not lost.
#[test]
fn what_concerns_everybody_stops_also_where_it_changes_no_verdict() {
    let zero = r#"{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",
        "metadata":{"quota_limit_value":"0"}}]}}"#;
    for (status, body, looks) in [(401, "", 2), (429, zero, 1)] {
        let mut scheduler = scheduler(50, Quota::unlimited()).in_flight(1);
        let report = run(
            &mut scheduler,
            Duration::from_secs(60),
            &mut |_, request| {
                let is_device = !request.uri().path().contains("/operations/");
                match *request.method() {
                    Method::POST => works(request),
                    _ if is_device => answer(status, body),
                    _ => answer(404, ""),
                }
            },
        );
        assert_eq!(report.finished.len(), 50);
        assert_eq!(count(&report, status), looks, "{status}");
    }
}

#[test]
fn five_times_not_supported_stops() {
    let mut scheduler = scheduler(500, quota("600/60s")).in_flight(1);
    let report = run(&mut scheduler, Duration::from_secs(60), &mut |_, _| {
        answer(501, "")
    });
    assert_eq!((report.finished.len(), report.sent.len()), (500, 5));
}

#[test]
fn one_denied_enterprise_does_not_stop_the_others() {
    let mut scheduler = Scheduler::new(1).quota(quota("600/60s")).in_flight(4);
    for number in 0..200 {
        let enterprise = ["LC0good", "LC0bad"][number % 2];
        let name = format!("enterprises/{enterprise}/devices/{number}/operations/17");
        scheduler.push(name.parse().unwrap(), Phase::Unsent);
    }
    scheduler.close();
    let report = run(
        &mut scheduler,
        Duration::from_secs(60),
        &mut |_, request| {
            if request.uri().path().contains("LC0bad") {
                answer(403, "")
            } else {
                works(request)
            }
        },
    );
    assert_eq!(report.closed, ["enterprises/LC0bad".into()]);
    let mut ends = BTreeMap::new();
    for (name, result) in &report.finished {
        let end = match result {
            Ok(outcome) => outcome.verdict.as_str(),
            Err(error) => error.kind().as_str(),
        };
        *ends
            .entry((name.parent().parent().id().to_owned(), end))
            .or_insert(0) += 1;
    }
    assert_eq!(ends.len(), 3, "{ends:?}");
    assert_eq!(ends[&("LC0good".to_owned(), "cancelled")], 100);
    let denied = ends[&("LC0bad".to_owned(), "permission_denied")];
    assert!((3..=6).contains(&denied), "{ends:?}");
    assert_eq!(ends[&("LC0bad".to_owned(), "not_attempted")], 100 - denied);
}

#[test]
fn phases_are_taken_up_where_they_were_and_duplicates_counted() {
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    assert!(scheduler.push(name(1), Phase::Accepted));
    assert!(scheduler.push(name(2), Phase::MaybeSent));
    assert!(!scheduler.push(name(1), Phase::Unsent));
    scheduler.close();
    let report = run(
        &mut scheduler,
        Duration::from_secs(60),
        &mut |_, request| works(request),
    );
    all_cancelled(&report, 2);
    let methods = report
        .sent
        .iter()
        .map(|(_, method, _)| method.as_str())
        .collect::<Vec<_>>();
    assert_eq!(
        methods,
        ["POST", "GET", "GET"],
        "the cancel first, and none for what was accepted"
    );
    assert_eq!(scheduler.progress(Time::START).duplicates, 1);
}

#[test]
fn stopping_drains_what_is_under_way() {
    let mut scheduler = scheduler(100, Quota::unlimited()).in_flight(10);
    let mut sent = Vec::new();
    let now = Time::START;
    while let NextStep::Send(ticket, transmit) = scheduler.next_step(now) {
        sent.push((ticket, transmit));
    }
    assert_eq!(sent.len(), 10);
    scheduler.stop("interrupted");
    for (ticket, transmit) in sent {
        let (_, result) = works(&transmit.request);
        scheduler.answer(ticket, now, Ok(&result.unwrap()));
    }
    assert!(matches!(scheduler.next_step(now), NextStep::Done));
    let mut ends = BTreeMap::new();
    while let Some(event) = scheduler.next_event() {
        if let Event::Finished { result, .. } = event {
            let end = result.map_or_else(
                |error| error.kind().as_str(),
                |outcome| outcome.verdict.as_str(),
            );
            *ends.entry(end).or_insert(0) += 1;
        }
    }
    assert_eq!(
        ends,
        BTreeMap::from([("not_attempted", 90), ("unverified", 10)])
    );
}

/// One schedule of random answers, quotas, phases and limits.
fn random(seed: u64) -> (Report, u64, Vec<(usize, Duration)>, usize) {
    let mut dice = Dice::new(seed);
    let operations = 1 + dice.below(60);
    let windows = [
        (1 + dice.below(40), 1 + dice.below(60)),
        (1 + dice.below(80), 1 + dice.below(100)),
    ];
    let quota = Quota::default()
        .windows(windows.map(|(calls, span)| Window::new(calls as u32, Duration::from_secs(span))))
        .share(1.0)
        .per_resource((!dice.chance(50)).then(|| Window::new(2, Duration::from_secs(10))));
    let in_flight = 1 + dice.below(20) as usize;
    let policy = Policy::default().deadline(Duration::from_secs(5 + dice.below(300)));
    let mut scheduler = Scheduler::new(seed)
        .quota(quota)
        .in_flight(in_flight)
        .policy(policy);
    for _ in 0..operations {
        let phase = *dice.pick(&[
            Phase::Unsent,
            Phase::Unsent,
            Phase::MaybeSent,
            Phase::Accepted,
        ]);
        let device = dice.below(8);
        let operation = dice.below(30);
        scheduler.push(
            format!(
                "enterprises/e{}/devices/{device}/operations/{operation}",
                device % 2
            )
            .parse()
            .unwrap(),
            phase,
        );
    }
    scheduler.close();
    let pushed = scheduler.progress(Time::START).pushed;
    let trouble = dice.below(60);
    let report = run(
        &mut scheduler,
        Duration::from_secs(400_000),
        &mut |_, request| {
            let (took, result) = works(request);
            let took = took + Duration::from_millis(dice.below(400));
            if !dice.chance(trouble) {
                return (took, result);
            }
            match dice.below(12) {
                0 => (
                    took,
                    Err(TransportError::new(
                        TransportErrorKind::ConnectionLost,
                        "lost",
                    )),
                ),
                1 => (
                    took,
                    Err(TransportError::new(
                        TransportErrorKind::Unprocessed,
                        "refused",
                    )),
                ),
                2 => (
                    Duration::from_secs(10),
                    Err(TransportError::new(TransportErrorKind::TimedOut, "late")),
                ),
                3 => answer(429, ""),
                4 => answer(404, ""),
                5 => answer(400, ""),
                6 => answer(403, ""),
                7 if request.method() == Method::GET => {
                    let name = request.uri().path().trim_start_matches("/v1/");
                    answer(200, format!(r#"{{"name":"{name}"}}"#))
                }
                8 if dice.chance(10) => answer(401, ""),
                9 => answer(200, "<html>"),
                _ => answer(503, ""),
            }
        },
    );
    let windows = windows.map(|(calls, span)| (calls as usize, Duration::from_secs(span)));
    (report, pushed, windows.to_vec(), in_flight)
}

#[test]
fn invariants_of_every_schedule() {
    for seed in 0..3000 {
        let (report, pushed, windows, in_flight) = random(seed);
        // I1: every input comes out once.
        let mut names = report
            .finished
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>();
        names.sort();
        names.dedup();
        assert_eq!(
            (names.len() as u64, report.finished.len() as u64),
            (pushed, pushed),
            "seed {seed}"
        );
        assert!(report.most_in_flight <= in_flight, "seed {seed}");
        // I4: in every window no more than the share.
        let sent = report.sent.iter().map(|(at, ..)| *at).collect::<Vec<_>>();
        for (calls, span) in windows {
            for at in sent.windows(calls + 1) {
                assert!(
                    at[calls] - at[0] >= span,
                    "seed {seed}: {} calls within {:?}",
                    calls + 1,
                    at[calls] - at[0]
                );
            }
        }
    }
}

#[test]
fn same_seed_same_schedule() {
    for seed in 0..50 {
        let [first, second] = [(); 2].map(|()| random(seed).0);
        assert_eq!(first.sent, second.sent, "seed {seed}");
        assert_eq!(
            format!("{:?}", first.finished),
            format!("{:?}", second.finished),
            "seed {seed}"
        );
    }
}

/// A slow connection delays requests: a window counts from the time they leave, so that a server
/// which checks a sliding window refuses nothing.
#[test]
fn fault_45_a_late_connection_is_no_reason_for_a_burst() {
    let start = Time::START;
    let late = Duration::from_millis(300);
    let mut scheduler = scheduler(1000, quota("200/10s"));
    let (mut now, mut left) = (start, Vec::new());
    let mut flying = Vec::new();
    while left.len() < 1000 {
        match scheduler.next_step(now) {
            NextStep::Send(ticket, transmit) if transmit.request.method() == Method::POST => {
                // The first connection is slow, and all requests wait for it.
                let at = now.max(start + late);
                scheduler.sent(ticket.id(), at);
                left.push(at);
                flying.push(ticket);
            }
            NextStep::Send(ticket, _) => flying.push(ticket),
            NextStep::Wait(until) => now = until,
            NextStep::Idle => {
                now += Duration::from_millis(1);
                for ticket in flying.drain(..) {
                    let name = ticket.resource().to_string();
                    let (_, response) = works(
                        &Request::builder()
                            .method(if ticket.call() == Call::Cancel {
                                "POST"
                            } else {
                                "GET"
                            })
                            .uri(format!("/v1/{name}"))
                            .body("")
                            .unwrap(),
                    );
                    scheduler.answer(ticket, now.max(start + late), Ok(&response.unwrap()));
                }
            }
            NextStep::Done => break,
        }
        while scheduler.next_event().is_some() {}
    }
    for burst in left.windows(201) {
        let span = burst[200] - burst[0];
        assert!(span >= Duration::from_secs(10), "201 calls in {span:?}");
    }
}

/// No answer from the start or from the middle on, for any number of names: the scheduler ends
/// after one deadline, and operations of which no request left were not attempted.
#[test]
fn fault_48_a_dead_network_ends_after_one_deadline() {
    let deadline = Duration::from_secs(30);
    for names in [1, 2, 3, 100, 1000] {
        for alive in [0, 1, 50] {
            let policy = Policy::default().deadline(deadline);
            let mut scheduler = scheduler(names, Quota::unlimited()).policy(policy);
            let mut answered = 0;
            let mut last_answer = Duration::ZERO;
            let report = run(&mut scheduler, deadline * 3, &mut |at, request| {
                if answered < alive {
                    answered += 1;
                    last_answer = at + Duration::from_millis(80);
                    return works(request);
                }
                let error = TransportError::new(TransportErrorKind::Connect, "refused");
                (Duration::from_millis(1), Err(error))
            });
            assert_eq!(report.finished.len() as u64, names, "{names} {alive}");
            let limit = last_answer + deadline + Duration::from_secs(6);
            assert!(report.ended <= limit, "{names} {alive}: {:?}", report.ended);
            for (name, result) in &report.finished {
                let Err(error) = result else { continue };
                if alive == 0 {
                    assert_eq!(error.attempts(), 0, "{name}");
                    assert!(!error.maybe_delivered(), "{name}");
                    let text = error.to_string();
                    assert!(text.contains("no connection"), "{text}");
                }
            }
        }
    }
}

/// A job goes on until the server is back, also a job of a few operations, whose failures alone open no
/// circuit, and whose deadline is short.
#[test]
fn fault_48_a_job_probes_on() {
    for (names, deadline) in [(1, 1), (2, 1), (3, 1), (100, 120)] {
        let policy = Policy::default().deadline(Duration::from_secs(deadline));
        let mut scheduler = scheduler(names, Quota::unlimited())
            .policy(policy)
            .probe_on();
        let outage = Duration::from_secs(3600);
        let report = run(
            &mut scheduler,
            Duration::from_secs(7200),
            &mut |at, request| match at < outage {
                true => {
                    let error = TransportError::new(TransportErrorKind::Connect, "refused");
                    (Duration::from_millis(1), Err(error))
                }
                false => works(request),
            },
        );
        all_cancelled(&report, names);
    }
}
