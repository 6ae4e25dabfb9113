//! Progress and events of a scheduler.

use std::time::Duration;

use countermand_core::{Call, OperationName, Phase, Time};
use countermand_scheduler::{Event, NextStep, Scheduler, Ticket, simulate};
use countermand_scheduler::{Quota, Window};
use http::{Request, Response};

fn name(id: u32) -> OperationName {
    let name = format!("enterprises/LC01/devices/3f/operations/{id}");
    name.parse().unwrap()
}

#[test]
fn a_scheduler_tells_where_it_stands() {
    let start = Time::START;
    let minute = Duration::from_secs(60);
    let quota = Quota::unlimited()
        .windows([Window::new(3, minute)])
        .share(1.0);
    let mut scheduler = Scheduler::new(1).quota(quota);
    assert!(scheduler.push(name(1), Phase::Accepted));
    assert!(scheduler.push(name(2), Phase::MaybeSent));
    for id in 3..=6 {
        assert!(scheduler.push(name(id), Phase::Unsent));
    }
    let progress = scheduler.progress(start);
    assert_eq!((progress.pushed, progress.cancels_sent), (6, 1));
    assert_eq!((progress.waiting, scheduler.waiting()), (5, 5));
    assert_eq!((progress.in_flight, progress.sent), (0, 0));
    assert_eq!(
        (progress.quota_remaining, progress.allowed_at),
        (Some(3), None)
    );

    let sent = std::iter::from_fn(|| match scheduler.next_step(start) {
        NextStep::Send(ticket, _) => Some(ticket),
        NextStep::Wait(until) => {
            assert!(until > start + minute);
            None
        }
        other => panic!("{other:?}"),
    });
    let tickets = sent.collect::<Vec<_>>();
    assert_eq!(tickets.len(), 3);
    // An intent is not a fact: places are reserved, and nothing was sent.
    let progress = scheduler.progress(start);
    assert_eq!((progress.cancels_sent, progress.sent), (1, 0));
    assert_eq!((progress.in_flight, progress.quota_remaining), (3, Some(0)));
    assert_eq!(progress.last_cancel, None);
    for ticket in &tickets {
        scheduler.sent(ticket.id(), start);
        scheduler.sent(ticket.id(), start + minute);
    }
    let progress = scheduler.progress(start);
    assert_eq!((progress.cancels_sent, progress.sent), (4, 3));
    assert_eq!((progress.waiting, scheduler.waiting()), (2, 2));
    assert_eq!((progress.in_flight, progress.quota_remaining), (3, Some(0)));
    assert_eq!(progress.last_cancel, Some(start));
    let until = progress.allowed_at.unwrap();
    assert!(until > start + minute && until < start + minute * 2);
    // A window has a guard: it lasts a little longer than its span.
    assert_eq!(scheduler.progress(start + minute).quota_remaining, Some(0));
    // After that moment the hold is over.
    assert_eq!(scheduler.progress(until).allowed_at, None);
    assert_eq!(scheduler.progress(until).quota_remaining, Some(3));
}

#[test]
fn a_scheduler_tells_each_step_of_an_operation() {
    let now = Time::START;
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    scheduler.push(name(1), Phase::Unsent);
    scheduler.close();
    let mut told = Vec::new();
    loop {
        let (ticket, body) = match scheduler.next_step(now) {
            NextStep::Send(ticket, _) if ticket.call() == Call::Cancel => (ticket, "{}".to_owned()),
            NextStep::Send(ticket, _) => {
                let name = ticket.resource();
                let body = format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#);
                (ticket, body)
            }
            NextStep::Done => break,
            other => panic!("{other:?}"),
        };
        scheduler.answer(ticket, now, Ok(&Response::new(body)));
        while let Some(event) = scheduler.next_event() {
            told.push(match event {
                Event::Sending { call, .. } => format!("sending {}", call.as_str()),
                Event::Sent { call, .. } => format!("sent {}", call.as_str()),
                Event::Accepted { name } => format!("accepted {}", name.id()),
                Event::Finished { result, .. } => result.unwrap().verdict.to_string(),
                other => panic!("{other:?}"),
            });
        }
    }
    assert_eq!(
        told,
        [
            "sending cancel",
            "sent cancel",
            "accepted 1",
            "sending get",
            "sent get",
            "cancelled"
        ]
    );
    let progress = scheduler.progress(now);
    assert_eq!(
        (progress.finished, progress.sent, progress.in_flight),
        (1, 2, 0)
    );
}

/// The quota of one resource says nothing about the project's.
#[test]
fn only_a_quota_of_the_project_is_adopted() {
    for (unit, adopted) in [
        ("1/min/{project}", true),
        ("1/60s/{project}", true),
        ("1/min/{project}/{resource}", false),
        ("1/min/{resource}", false),
        ("1/min", false),
        ("1/3601s/{project}", false),
    ] {
        let body = format!(
            r#"{{"error":{{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","metadata":{{"quota_limit_value":"60","quota_unit":"{unit}"}}}}]}}}}"#
        );
        let response = Response::builder().status(429).body(body).unwrap();
        let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
        scheduler.push(name(1), Phase::Unsent);
        let now = Time::START;
        let NextStep::Send(ticket, _) = scheduler.next_step(now) else {
            panic!("nothing to send")
        };
        scheduler.answer(ticket, now, Ok(&response));
        let held = std::iter::from_fn(|| scheduler.next_event()).find_map(|event| match event {
            Event::Paused { limit, window, .. } => Some((limit, window)),
            _ => None,
        });
        let window = adopted.then(|| Window::new(60, Duration::from_secs(60)));
        assert_eq!(held, Some((Some(60), window)), "{unit}");
    }
}

/// A window as long as the server demands would make a job wait for as long.
#[test]
fn fault_17_a_quota_of_a_day_and_longer_is_not_waited_for() {
    for span in ["86400s", "31536000s", "18446744073709551615s"] {
        let body = format!(
            r#"{{"error":{{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","metadata":{{"quota_limit_value":"1","quota_unit":"1/{span}/{{project}}"}}}}]}}}}"#
        );
        let response = Response::builder().status(429).body(body).unwrap();
        let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
        scheduler.push(name(1), Phase::Unsent);
        let now = Time::START;
        let NextStep::Send(ticket, _) = scheduler.next_step(now) else {
            panic!("nothing to send")
        };
        scheduler.answer(ticket, now, Ok(&response));
        let mut events = std::iter::from_fn(|| scheduler.next_event());
        let stopped = events.any(|event| matches!(event, Event::Stopped { .. }));
        assert!(stopped, "{span}");
    }
}

#[test]
fn a_rehearsal_takes_as_long_as_its_answers() {
    let start = Time::START;
    let second = Duration::from_secs(1);
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited()).in_flight(2);
    for id in 1..=4 {
        scheduler.push(name(id), Phase::Unsent);
    }
    let serve = |_, ticket: &Ticket, _: &Request<&'static str>| {
        let name = ticket.resource();
        match ticket.call() {
            Call::Cancel => (second * 3, Response::new("{}".to_owned())),
            _ => {
                let body = format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#);
                (second, Response::new(body))
            }
        }
    };
    let mut sent = Vec::new();
    let mut tell = |at: Duration, event| {
        if let Event::Sent { call, .. } = event {
            sent.push((at.as_secs(), call));
        }
    };
    // Names may still come.
    assert_eq!(simulate(&mut scheduler, start, serve, &mut tell), None);
    scheduler.close();
    assert_eq!(
        simulate(&mut scheduler, start, serve, &mut tell),
        Some(start)
    );
    let (cancel, get) = (Call::Cancel, Call::Get);
    let expected = [
        [(0, cancel), (0, cancel), (3, cancel), (3, cancel)],
        [(6, get), (6, get), (7, get), (7, get)],
    ];
    assert_eq!(sent, expected.concat());

    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    scheduler.push(name(1), Phase::Unsent);
    scheduler.close();
    let end = simulate(&mut scheduler, start, serve, |_, _| {});
    assert_eq!(end, Some(start + second * 4));

    // Answers come in another order than their requests.
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    for id in 1..=2 {
        scheduler.push(name(id), Phase::Unsent);
    }
    scheduler.close();
    let mut looks = Vec::new();
    let slow_second = |at: Duration, ticket: &Ticket, request: &Request<&'static str>| {
        let (took, response) = serve(at, ticket, request);
        let second = ticket.resource().operation() == Some(&name(2));
        (took * if second { 2 } else { 1 }, response)
    };
    let end = simulate(&mut scheduler, start, slow_second, |at, event| {
        if let Event::Sent {
            call: Call::Get, ..
        } = event
        {
            looks.push(at.as_secs());
        }
    });
    assert_eq!((looks, end), (vec![3, 6], Some(start + second * 8)));
}

#[test]
fn tickets_are_ordered_as_they_were_handed_out() {
    let now = Time::START;
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    for id in 1..=3 {
        scheduler.push(name(id), Phase::Unsent);
    }
    let next = |scheduler: &mut Scheduler| match scheduler.next_step(now) {
        NextStep::Send(ticket, _) => ticket,
        other => panic!("{other:?}"),
    };
    let (first, second) = (next(&mut scheduler), next(&mut scheduler));
    assert!(first < second);
    scheduler.answer(first, now, Ok(&Response::new("{}")));
    assert!(second < next(&mut scheduler), "whose place is free again");
}

#[test]
fn who_may_be_sent_sooner_wakes_first() {
    let now = Time::START;
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    let delays = [10, 40, 30, 20];
    for id in 0..4 {
        scheduler.push(name(id), Phase::Unsent);
    }
    for delay in delays {
        let NextStep::Send(ticket, _) = scheduler.next_step(now) else {
            panic!("each is sent once")
        };
        let response = Response::builder().status(503).header("retry-after", delay);
        scheduler.answer(ticket, now, Ok(&response.body("").unwrap()));
    }
    for (delay, id) in [(10, 0), (20, 3), (30, 2), (40, 1)] {
        let at = now + Duration::from_secs(delay);
        let before = at - Duration::from_secs(1);
        assert!(matches!(scheduler.next_step(before), NextStep::Wait(until) if until == at));
        let NextStep::Send(ticket, _) = scheduler.next_step(at) else {
            panic!("{id} is due")
        };
        assert_eq!(ticket.resource().operation(), Some(&name(id)));
        scheduler.answer(ticket, at, Ok(&Response::new("{}")));
        let NextStep::Send(look, _) = scheduler.next_step(at) else {
            panic!("it is looked at")
        };
        let body = format!(
            r#"{{"name":"{}","done":true,"error":{{"code":1}}}}"#,
            name(id)
        );
        scheduler.answer(look, at, Ok(&Response::new(body)));
    }
}

#[test]
fn taken_events_stand_behind_those_that_were_taken_before() {
    let now = Time::START;
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited());
    let mut taken = std::collections::VecDeque::new();
    let mut told = |scheduler: &mut Scheduler| {
        scheduler.take_events(&mut taken);
        let resource = |event: &Event| match event {
            Event::Sending { resource, .. } => resource.to_string(),
            other => panic!("{other:?}"),
        };
        taken.iter().map(resource).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut scheduler), [""; 0]);
    for id in 1..=3 {
        scheduler.push(name(id), Phase::Unsent);
        assert!(matches!(scheduler.next_step(now), NextStep::Send(..)));
        let names = (1..=id).map(|id| name(id).to_string());
        assert_eq!(told(&mut scheduler), names.collect::<Vec<_>>());
        assert!(scheduler.next_event().is_none());
    }
}
