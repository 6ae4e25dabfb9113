//! The figures of a scheduler, on a virtual clock: `make figures`. The tests assert their bounds.
#![allow(clippy::print_stdout, reason = "the figures go there")]

use std::time::{Duration, Instant};

use countermand_core::{Service, Verdict};
use countermand_emulator::{ServerQuota, ServerUsage};
use countermand_scheduler::{Quota, Window};
use countermand_tests::dice::Dice;
use countermand_tests::fleet::{Note, drive, run};
use countermand_tests::rescue::rescue;
use countermand_tests::schedule::Schedule;
use countermand_tests::server::{Limit, answer, quota, scheduler, works};

const LONG: Duration = Duration::from_secs(100_000);

fn main() {
    println!(
        "{:<54} {:>12} {:>12}",
        "5,000 operations, share 1.0", "measured", "at most"
    );
    for (text, bound) in [
        ("1000/100s", 410),
        ("600/60s", 486),
        ("600/60s,1000/100s", 486),
    ] {
        let mut limits = vec![];
        if text.contains("600") {
            limits.push(Limit::new(600, 60, Some(3)));
        }
        if text.contains("1000") {
            limits.push(Limit::new(1000, 100, Some(7)));
        }
        let mut refused = 0;
        let report = run(
            &mut scheduler(5000, quota(text)),
            LONG,
            &mut |at, request| {
                if limits.iter_mut().any(|limit| limit.refuses(at)) {
                    refused += 1;
                    return answer(429, "");
                }
                works(request)
            },
        );
        let last = report.last_cancel.as_secs_f64();
        println!(
            "{:<54} {:>10.1} s {bound:>10} s",
            format!("last cancel with {text}"),
            last
        );
        println!("{:<54} {refused:>12} {:>12}", "  answers of 429", 0);
        println!(
            "{:<54} {:>12.3} {:>12}",
            "  requests an operation",
            report.sent.len() as f64 / 5000.0,
            2.05
        );
    }
    let mut dice = Dice::new(5);
    let report = run(
        &mut scheduler(5000, quota("600/60s")),
        LONG,
        &mut |_, request| {
            if dice.chance(20) {
                answer(503, "")
            } else {
                works(request)
            }
        },
    );
    println!(
        "{:<54} {:>12.3} {:>12}",
        "sent/needed with a fifth of 503",
        report.sent.len() as f64 / 10_000.0,
        1.30
    );

    // Without a quota, so that only the circuit breaker slows it down.
    let storm = Duration::from_secs(10)..Duration::from_secs(70);
    let report = run(
        &mut scheduler(5000, Quota::unlimited()),
        LONG,
        &mut |at, request| {
            if storm.contains(&at) {
                answer(503, "")
            } else {
                works(request)
            }
        },
    );
    let (opened, closed) = (report.circuit[0].0, report.circuit[1].0);
    let sent = |within: std::ops::Range<Duration>| {
        let sent = report.sent.iter();
        sent.filter(|(at, ..)| within.contains(at)).count()
    };
    let probes = sent(opened..storm.end);
    println!(
        "{:<54} {probes:>12} {:>12}",
        "probes in a minute of nothing but 503", 20
    );
    let quickest = closed..closed + Duration::from_secs(1);
    println!(
        "{:<54} {:>10.1} s {:>10} s",
        format!("after it, {} requests in a second", sent(quickest)),
        (closed - storm.end).as_secs_f64(),
        10
    );
    println!(
        "{:<54} {:>12} {:>12}",
        "  operations without a verdict",
        5000 - report
            .finished
            .iter()
            .filter(|(_, result)| result.is_ok())
            .count(),
        0
    );

    let half = ServerQuota::default().windows([Window::new(300, Duration::from_secs(60))]);
    let mut half = ServerUsage::new(Service::DEFAULT, half);
    let report = run(
        &mut scheduler(5000, quota("600/60s")),
        LONG,
        &mut |at, request| match half.refuse(at, request) {
            Some(refusal) => (Duration::from_millis(80), Ok(refusal)),
            None => works(request),
        },
    );
    let late = report
        .sent
        .iter()
        .filter(|(at, ..)| *at > Duration::from_secs(60));
    let (refused, all) = late.fold((0, 0), |(refused, all), (.., status)| {
        (refused + u32::from(*status == Some(429)), all + 1)
    });
    println!(
        "{:<54} {:>10.2} % {:>10} %",
        "refused after a minute with half of the quota",
        f64::from(refused) * 100.0 / f64::from(all),
        1
    );

    for (text, at_once) in [("at once", true), ("after the search", false)] {
        let found = rescue(10_000, at_once);
        for (which, at) in [
            ("first", found.first),
            ("half", found.half),
            ("last", found.last),
        ] {
            println!(
                "{:<54} {:>10.1} s",
                format!("10,000 devices searched, cancelled {text}: {which}"),
                at.as_secs_f64()
            );
        }
    }

    truth();

    let began = Instant::now();
    let mut sent = 0;
    let mut million = scheduler(1_000_000, Quota::unlimited());
    drive(
        &mut million,
        LONG,
        &mut |_, request| works(request),
        &mut |_, note| {
            sent += u32::from(matches!(note, Note::Sent(..)));
        },
    );
    println!(
        "{:<54} {sent:>12} {:>12}",
        "1,000,000 operations: requests", 2_000_000
    );
    println!(
        "{:<54} {:>10.1} s {:>10} s",
        "  time to simulate, on this machine",
        began.elapsed().as_secs_f64(),
        60
    );
    if let Some(peak) = peak() {
        println!(
            "{:<54} {peak:>8} MiB {:>8} MiB",
            "  most memory, the simulated server included", 400
        );
    }
}

/// Schedules of single operations of all services; the tests run the first 10,000.
fn truth() {
    const SCHEDULES: u64 = 1_000_000;
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let (cancelled, lies) = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                scope.spawn(move || {
                    let (mut cancelled, mut lies) = (0_u64, 0_u64);
                    for seed in (part..SCHEDULES).step_by(threads as usize) {
                        let mut schedule = Schedule::drawn(seed);
                        let run = schedule.run();
                        let verdict = run.result.as_ref().map(|outcome| outcome.verdict);
                        cancelled += u64::from(verdict == Ok(Verdict::Cancelled));
                        if let Some(lie) = schedule.lie(&run) {
                            println!("seed {seed}: {lie}");
                            lies += 1;
                        }
                    }
                    (cancelled, lies)
                })
            })
            .collect();
        let parts = parts.into_iter().map(|part| part.join().expect("no panic"));
        parts.fold((0, 0), |(one, two), part| (one + part.0, two + part.1))
    });
    println!(
        "{:<54} {lies:>12} {:>12}",
        "1,000,000 faulty schedules of all services: lies", 0
    );
    println!(
        "{:<54} {cancelled:>12}",
        "  operations proved to be cancelled"
    );
    println!(
        "{:<54} {:>10.1} s",
        "  time to simulate, on this machine",
        began.elapsed().as_secs_f64()
    );
}

/// The peak of this process's memory, in MiB, where the system reports it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}
