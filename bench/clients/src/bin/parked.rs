//! `parked N DEVICES`: a scheduler of N operations, of enterprises with DEVICES devices each, without
//! a socket. Prints the bytes that an operation takes while it waits for its turn and while it waits
//! to be polled, and the CPU time of the scheduler for each request: to take a name, to give out the
//! request, to read the answer and to report the result.

use std::fmt::Write as _;
use std::time::Duration;

use bench_task::Counting;
use countermand_hyper::scheduler::{Event, Poll, Scheduler, Ticket};
use countermand_core::{Call, OperationName, Phase, Time};
use countermand_hyper::Quota;
use http::Response;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Requests under way at a time, so that the clock is not read for each.
const BATCH: usize = 100;

#[expect(clippy::print_stdout, reason = "the driver reads it")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || {
        arguments
            .next()
            .ok_or("two numbers are needed")?
            .parse::<u64>()
            .map_err(|_| "not a number")
    };
    let (operations, devices) = (number()?, number()?);
    let empty = Counting::live();
    let mut scheduler = Scheduler::new(1).quota(Quota::unlimited()).in_flight(BATCH);
    let mut pushed = Duration::ZERO;
    let mut names = Vec::with_capacity(BATCH);
    for first in (0..operations).step_by(BATCH) {
        // The caller makes the names, not the scheduler.
        for index in first..operations.min(first + BATCH as u64) {
            names.push(name(index, devices)?);
        }
        let begun = cpu();
        for name in names.drain(..) {
            scheduler.push(name, Phase::Unsent);
        }
        pushed += cpu() - begun;
    }
    scheduler.close();
    let waiting = Counting::live() - empty;

    let mut now = Time::START;
    let (mut spent, mut requests, mut finished, mut parked) = (Duration::ZERO, 0, 0, 0);
    let mut batch: Vec<(Ticket, Response<String>)> = Vec::with_capacity(BATCH);
    loop {
        let before = cpu();
        let mut tickets = Vec::with_capacity(BATCH);
        let rest = loop {
            match scheduler.poll(now) {
                Poll::Send(ticket, transmit) => tickets.push((ticket, transmit)),
                rest => break rest,
            }
        };
        spent += cpu() - before;
        for (ticket, transmit) in tickets {
            requests += 1;
            let looks = ticket.call() == Call::Get;
            if looks && parked == 0 {
                // All cancels were accepted: all operations are parked.
                parked = Counting::live() - empty;
            }
            let body = match looks {
                true => cancelled(transmit.request.uri().path()),
                false => "{}".to_owned(),
            };
            batch.push((ticket, Response::new(body)));
        }
        now += Duration::from_millis(1);
        let before = cpu();
        for (ticket, response) in batch.drain(..) {
            scheduler.answer(ticket, now, Ok(&response));
        }
        while let Some(event) = scheduler.next_event() {
            finished += u64::from(matches!(event, Event::Finished { result: Ok(_), .. }));
        }
        spent += cpu() - before;
        match rest {
            Poll::Done => break,
            Poll::Wait(until) => now = now.max(until),
            Poll::Idle | Poll::Send(..) => {}
        }
    }
    assert_eq!(finished, operations, "each operation has to come out");
    let (spent, operations) = (spent + pushed, operations as f64);
    println!(
        r#"{{"waiting_bytes":{:.1},"parked_bytes":{:.1},"requests":{requests},"nanoseconds":{:.1}}}"#,
        waiting as f64 / operations,
        parked as f64 / operations,
        spent.as_nanos() as f64 / f64::from(requests),
    );
    Ok(())
}

fn name(index: u64, devices: u64) -> Result<OperationName, Box<dyn std::error::Error>> {
    let (enterprise, device) = (index / devices, index % devices);
    Ok(
        format!("enterprises/LC{enterprise:08x}/devices/{device:016x}/operations/1786048723669")
            .parse()?,
    )
}

fn cancelled(path: &str) -> String {
    let name = path.strip_prefix("/v1/").unwrap_or(path);
    let mut body = String::with_capacity(400);
    // Writing into a string does not fail.
    let _ = write!(
        body,
        r#"{{"name":"{name}","metadata":{{"@type":"type.googleapis.com/google.android.devicemanagement.v1.Command","type":"WIPE","createTime":"2026-08-06T20:38:43.669Z","duration":"86400s"}},"done":true,"error":{{"code":1,"message":"cancelled"}}}}"#
    );
    body
}

/// CPU time of this thread so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
