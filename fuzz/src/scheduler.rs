//! Schedulers: pushes, answers, failures and time, in any order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{
    Call, OperationName, Phase, Policy, Time, TransportError, TransportErrorKind, Verdict,
};
use countermand_scheduler::{Event, List, NextStep, Scheduler, Ticket};
use countermand_scheduler::{Quota, Window};
use http::{Response, StatusCode};

const PHASES: [Phase; 3] = [Phase::Unsent, Phase::MaybeSent, Phase::Accepted];

/// A running scheduler, and the results that it owes.
struct World {
    scheduler: Scheduler,
    now: Time,
    in_flight: usize,
    window: (usize, Duration),
    tickets: VecDeque<Ticket>,
    sent: Vec<Time>,
    /// Pushed names; for each, whether the last answer proved it cancelled, and whether its result
    /// has come out.
    names: BTreeMap<String, (bool, bool)>,
}

/// Schedulers: three bytes of settings, then each byte is a name, an answer, or time that passes.
pub fn scheduler(data: &[u8]) {
    let [seed, in_flight, limit, events @ ..] = data else {
        return;
    };
    let window = (
        usize::from(limit % 16) + 1,
        Duration::from_secs(u64::from(limit / 16) + 1),
    );
    let quota = Quota::unlimited()
        .windows([Window::new(window.0 as u32, window.1)])
        .share(1.0);
    let in_flight = usize::from(in_flight % 8) + 1;
    let mut world = World {
        scheduler: Scheduler::new(u64::from(*seed))
            .quota(quota)
            .policy(Policy::default().deadline(Duration::from_secs(60)))
            .in_flight(in_flight),
        now: Time::START,
        in_flight,
        window,
        tickets: VecDeque::new(),
        sent: Vec::new(),
        names: BTreeMap::new(),
    };
    for event in events {
        world.happen(*event);
        world.poll();
    }
    world.finish();
}

impl World {
    fn happen(&mut self, event: u8) {
        let low = event % 32;
        match event / 32 {
            0 => self.push(low),
            1..=3 => self.answer(low, event / 32 == 2),
            4 => self.now += Duration::from_millis(1 << (low % 17)),
            5 => self.now += Duration::from_secs(u64::from(low)),
            6 if low == 0 => self.scheduler.stop("enough"),
            6 => {
                let device = format!("enterprises/e{}/devices/{}", low % 2, low % 4);
                self.scheduler.search(List::Operations {
                    parent: device.parse().expect("a name"),
                    seen: None,
                    filter: None,
                });
            }
            _ if low == 31 => self.scheduler.close(),
            _ => self.push(low),
        }
    }

    fn push(&mut self, number: u8) {
        let name = format!(
            "enterprises/e{}/devices/{}/operations/{number}",
            number % 2,
            number % 4
        );
        let parsed: OperationName = name.parse().expect("a name");
        let new = self.scheduler.push(parsed, PHASES[usize::from(number) % 3]);
        assert!(!new || !self.names.contains_key(&name), "{name} twice");
        self.names.entry(name).or_default();
    }

    /// Polls for everything that is to be sent now.
    fn poll(&mut self) -> NextStep {
        loop {
            let poll = self.scheduler.next_step(self.now);
            self.hear();
            let NextStep::Send(ticket, transmit) = poll else {
                return poll;
            };
            assert!(!transmit.timeout.is_zero());
            self.tickets.push_back(ticket);
            assert!(self.tickets.len() <= self.in_flight);
        }
    }

    fn answer(&mut self, kind: u8, newest: bool) {
        let ticket = match newest {
            true => self.tickets.pop_back(),
            false => self.tickets.pop_front(),
        };
        let Some(ticket) = ticket else { return };
        let name = ticket.resource().to_string();
        let is_get = ticket.call() == Call::Get;
        // The moment of sending is not reported, so that the answer implies it.
        if !response(kind, &name).is_err_and(|kind| !kind.may_have_left()) {
            self.sent.push(self.now);
            let (calls, span) = self.window;
            if let Some(first) = self.sent.len().checked_sub(calls + 1) {
                assert!(self.now - self.sent[first] >= span, "more than the quota");
            }
        }
        if let Some((proven, _)) = self.names.get_mut(&name) {
            *proven = is_get && kind == 7;
        }
        match response(kind, &name) {
            Ok(response) => self.scheduler.answer(ticket, self.now, Ok(&response)),
            Err(kind) => {
                let error = TransportError::new(kind, "invented");
                self.scheduler.answer::<Bytes>(ticket, self.now, Err(error));
            }
        }
        self.hear();
    }

    fn hear(&mut self) {
        while let Some(event) = self.scheduler.next_event() {
            let Event::Finished { name, result } = event else {
                continue;
            };
            let (proven, out) = self
                .names
                .get_mut(name.as_str())
                .expect("a name that was pushed");
            assert!(!*out, "{name} came out twice");
            *out = true;
            let cancelled = result.is_ok_and(|outcome| outcome.verdict == Verdict::Cancelled);
            assert!(!cancelled || *proven, "{name} is not proved");
        }
    }

    /// Every answer from here on is a success.
    fn finish(mut self) {
        self.scheduler.close();
        for _ in 0..100_000 {
            match self.poll() {
                NextStep::Done => {
                    let left = self.names.iter().find(|(_, (_, out))| !out);
                    assert!(left.is_none(), "{left:?} never came out");
                    return;
                }
                NextStep::Wait(until) if self.tickets.is_empty() => self.now = self.now.max(until),
                _ => assert!(!self.tickets.is_empty(), "it waits for nothing"),
            }
            while let Some(ticket) = self.tickets.front() {
                let good = match ticket.call() {
                    Call::Cancel => 14,
                    _ => 7,
                };
                self.answer(good, false);
            }
        }
        panic!("no end");
    }
}

fn response(kind: u8, name: &str) -> Result<Response<Bytes>, TransportErrorKind> {
    let about = |rest: &str| (200, format!(r#"{{"name":"{name}"{rest}}}"#));
    let (status, body) = match kind {
        0 => return Err(TransportErrorKind::Connect),
        1 => return Err(TransportErrorKind::Unprocessed),
        2 => return Err(TransportErrorKind::ConnectionLost),
        3 => return Err(TransportErrorKind::TimedOut),
        4 => return Err(TransportErrorKind::EnhanceYourCalm),
        5 => return Err(TransportErrorKind::TooLarge),
        6 => return Err(TransportErrorKind::TokenUnavailable),
        7 => about(r#","done":true,"error":{"code":1}"#),
        8 => about(r#","done":true,"error":{"code":5}"#),
        9 => about(r#","done":true"#),
        10..=12 => about(""),
        13 => (200, r#"{"nextPageToken":"x"}"#.to_owned()),
        14..=18 => (200, "{}".to_owned()),
        19 => (200, "<html>".to_owned()),
        20 => (429, String::new()),
        21 => (401, String::new()),
        22 => (403, String::new()),
        23 => (404, String::new()),
        24 => (409, String::new()),
        25 => (500, String::new()),
        26 => (501, String::new()),
        27 => (302, String::new()),
        28 => (400, String::new()),
        29 => (
            403,
            r#"{"error":{"errors":[{"reason":"rateLimitExceeded"}]}}"#.to_owned(),
        ),
        30 => (
            200,
            format!(r#"{{"name":"{name}2","done":true,"error":{{"code":1}}}}"#),
        ),
        _ => (503, String::new()),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if kind == 31 {
        response.headers_mut().insert("retry-after", 7.into());
    }
    Ok(response)
}
